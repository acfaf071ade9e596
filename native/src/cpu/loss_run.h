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

// Items begin .. begin + count - 1, count <= kLossBlock. Both look at the caller's indices for themselves and throw Failure where one
// is wrong.
struct LossBlocks {
  // Whether values and indices are right beyond doubt; false sends the caller to check_loss_values, which says what is wrong.
  bool (*surely_right)(const LossPlan &plan, const Kernels &kernels);
  // Returns how many items are valid. valid: [count], written where that is not all of them.
  int64_t (*find_valid)(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count, uint8_t *valid);
  // valid: null where all are. Writes the losses of valid items, adds their gradients to dscore in the order of the items.
  void (*run)(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss);
};

extern const LossBlocks kBradleyTerryBlocks;
extern const LossBlocks kCrossEntropyBlocks;
extern const LossBlocks kElementBlocks;

inline BlockNumber block_of(const PerItem &number, int64_t begin) {
  return {number.values == nullptr ? nullptr : number.values + begin, number.scalar};
}

}  // namespace gavel

#endif
