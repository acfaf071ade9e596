// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss.h: losses on the device. One launch, whatever the loss, the reduction and the number of scores and items (but see loss.cu).
//
// Results have the bits of the CPU backend. What it checks by reading values is checked by the kernel: a fault (fault.h) makes the item's
// loss and gradients NaN, and the reduced loss with them; offsets that do not cover the scores in order make every gradient NaN.
#ifndef GAVEL_CUDA_LOSS_H
#define GAVEL_CUDA_LOSS_H

#include <cstdint>

#include "common/loss.h"
#include "cuda/loss_kinds.h"

namespace gavel::cuda {

struct Stream;

// What run_listed_loss_in_block (loss_phases.h) is worth calling for: one block is then about as fast as a launch of many.
constexpr int64_t kSmallLoss = 4096;
inline bool is_small_loss(const LossPlan &plan) {
  return is_listed(plan.family->kind, SmallLosses{}) && plan.items <= kSmallLoss && plan.score_count <= kSmallLoss;
}

// Numbers that must be 0 when the kernel starts; it leaves them so.
constexpr int32_t kLossCounters = 1 + kLossPhases;

// Scratch bytes, from the sizes of the plan alone. Throws Failure (GAVEL_UNSUPPORTED) above 2^30 items or scores.
int64_t loss_workspace(const LossPlan &plan);

// The plan's pointers are the device's; none is read here. scores: [score_count] floats, score_stride floats apart; valid: a byte for each `outputs`
// scores in a row, not 0 where they count, or null. workspace: loss_workspace bytes, aligned to 256. counters: kLossCounters zeros, not used where the task goes to
// a block of another kernel.
LossTask make_loss_task(const LossPlan &plan, const float *scores, int64_t score_stride, const uint8_t *valid, int64_t outputs,
                        Fault *fault, uint32_t *counters, void *workspace);

void launch_loss(const LossTask &task, int sm_count, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
