// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: from the logits of a block of items to everything a score call writes of them, and back to the gradients of logits.
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

// The logits, gate logits and gradients of up to sixteen items that need not be neighbours, for a kernel that goes back through their readout.
class ReadoutGradients {
 public:
  // Floats, a whole number of cache lines; memory is aligned to one.
  static int64_t scratch(const ReadoutPlan &plan);
  // logits, gate_logits: absent where the gradient reads none.
  ReadoutGradients(const ReadoutPlan &plan, const Tensor &logits, const Tensor &gate_logits, const Tensor &dscore,
                   float *memory);

  int64_t items() const { return items_; }
  bool full() const { return items_ == kReadoutItems; }
  void add(int64_t item);
  // Of the items added since the last of these calls. What is returned is valid until the next one.
  struct Rows {
    const float *logits;  // [items, logits of the plan]
    const float *gate;    // [items, gate outputs]
  };
  Rows of_logits(const Kernels &kernels);
  const float *of_gate_scale(const Kernels &kernels);  // [items]

 private:
  ReadoutBlock take_block();

  const ReadoutPlan &plan_;
  const Tensor &logits_, &gate_logits_, &dscore_;
  int64_t items_ = 0;
  float *of_scores_, *read_logits_, *read_gate_, *of_logits_, *of_gate_, *scratch_;
};

}  // namespace gavel

#endif
