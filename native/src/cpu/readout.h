// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: from the logits of a block of items to everything a score call writes of them.
#ifndef GAVEL_CPU_READOUT_H
#define GAVEL_CPU_READOUT_H

#include <cstdint>

#include "cpu/score.h"

namespace gavel {

class BlockReadout {
 public:
  // block: most items of a run. Scratch lives as long as the workspace of the problem.
  BlockReadout(const ScoreProblem &problem, int64_t block);
  // Items begin .. begin + rows - 1. logits [rows, K]; reverse [rows, 1] with TWO_STREAM and gate [rows, outputs] with a gate, else null.
  // Returns the items with a NaN score.
  int64_t run(int64_t begin, int64_t rows, const float *logits, const float *reverse, const float *gate);

 private:
  void read_out_elements(int64_t rows, const float *logits);
  bool writes_scores_alone() const;
  int64_t write_scores(int64_t begin, int64_t rows) const;
  bool finish_item(int64_t item, const float *logits, const float *gate, float *scores, float *scratch) const;

  const ScoreProblem &problem_;
  const ReadoutPlan &plan_;
  int64_t scratch_floats_;
  float *scratch_;       // [threads, scratch_floats_]
  float *pairs_;         // [block, 2], with TWO_STREAM
  float *scores_;        // [block, S]
  int64_t *nan_counts_;  // [threads]
};

}  // namespace gavel

#endif
