// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: from the logits of a block of items to everything a score call writes of them.
#ifndef GAVEL_CPU_READOUT_H
#define GAVEL_CPU_READOUT_H

#include <cstdint>

#include "cpu/score.h"

namespace gavel {

// About how long one processor takes for one item; not of one logit each.
double readout_nanoseconds(const ReadoutPlan &plan);

class BlockReadout {
 public:
  // block: most items of a run. Scratch lives as long as the workspace of the problem.
  BlockReadout(const ScoreProblem &problem, int64_t block);
  // Items begin .. begin + rows - 1. logits [rows, K]; reverse [rows, 1] with TWO_STREAM and gate [rows, outputs] with a gate, else null.
  // Returns the items with a NaN score.
  int64_t run(int64_t begin, int64_t rows, const float *logits, const float *reverse, const float *gate);

 private:
  // What was read out of one item: null is not wanted.
  struct ReadItem {
    const float *scores;
    const float *objectives;
    const float *gate_weights;
  };

  void read_out_elements(int64_t rows, const float *logits);
  bool writes_scores_alone() const;
  int64_t write_scores(int64_t begin, int64_t rows) const;
  bool finish_item(int64_t item, const float *logits, const float *gate, const ReadItem &read) const;
  int64_t finish_block(int64_t item, int64_t items, const float *logits, const float *gate, float *scores,
                       float *scratch) const;

  const ScoreProblem &problem_;
  const ReadoutPlan &plan_;
  int64_t scratch_floats_;
  float *scratch_;       // [parts, scratch_floats_]: of a ReadoutBlock, then objectives and gate weights of its items
  float *pairs_;         // [block, 2], with TWO_STREAM
  float *scores_;        // [block, S]
  int64_t *nan_counts_;  // [parts]
};

}  // namespace gavel

#endif
