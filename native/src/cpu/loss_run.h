// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_run.h: how a loss is evaluated block by block: one LossBlocks for each loss that has a kernel.
#ifndef GAVEL_CPU_LOSS_RUN_H
#define GAVEL_CPU_LOSS_RUN_H

#include "common/loss.h"
#include "cpu/kernels.h"

namespace gavel {

// plan.scores and plan.score_stride are set; plan.dscore is null where no gradient is wanted, else 0 so far.
struct LossRun {
  const LossPlan &plan;
  const Kernels &kernels;
  float scale;
};

// Items begin .. begin + count - 1, count <= kLossBlock. All look at the caller's indices for themselves and throw Failure where one
// is wrong.
struct LossBlocks {
  // Of fewer items, filling a block takes longer than its lanes save.
  int64_t few_items;
  // Whether values and indices are right beyond doubt; false sends the caller to check_loss_values, which says what is wrong.
  bool (*surely_right)(LossPlan &plan, const Kernels &kernels);
  // Returns how many items are valid. valid: [count], written where that is not all of them.
  int64_t (*find_valid)(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count, uint8_t *valid);
  // Of a score on one thread with AVX-512, roughly: see work.h.
  double score_nanoseconds;
  // Whether no score has part in two blocks, so that these may run side by side.
  bool (*disjoint)(const LossPlan &plan);
  // valid: null where all are. Writes the losses of valid items, adds their gradients to dscore in the order of the items.
  void (*run)(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss);
};

// LossBlocks::find_valid where the plain loss is quick to say it.
inline int64_t find_valid_items(const LossPlan &plan, const Kernels &, int64_t begin, int64_t count, uint8_t *valid) {
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    valid[k] = plan.family->valid(plan, begin + k);
    found += valid[k];
  }
  return found;
}

inline bool always_disjoint(const LossPlan &) {
  return true;
}

extern const LossBlocks kBradleyTerryBlocks;
extern const LossBlocks kCrossEntropyBlocks;
extern const LossBlocks kElementBlocks;
extern const LossBlocks kPlackettLuceBlocks;
extern const LossBlocks kPairwiseRankingBlocks;
extern const LossBlocks kStepRankingBlocks;
extern const LossBlocks kOrdinalBlocks;

inline BlockNumber block_of(const PerItem &number, int64_t begin) {
  return {number.values == nullptr ? nullptr : number.values + begin, number.scalar};
}

}  // namespace gavel

#endif
