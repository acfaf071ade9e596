// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cpu/loss.h: a checked loss on the CPU. BRADLEY_TERRY, CROSS_ENTROPY, MSE, BCE and PINBALL go through the kernel tables in blocks of
// kLossBlock items, with the bits of run_loss (common/loss.h), which does the others and what is too small for a block to pay.
#ifndef GAVEL_CPU_LOSS_H
#define GAVEL_CPU_LOSS_H

#include "common/loss.h"
#include "cpu/context.h"

namespace gavel {

// plan.valid is set. The scratch lives as long as the workspace. Throws Failure where a value is wrong.
void prepare_loss(LossPlan &plan, const Kernels &kernels, Workspace &workspace);

// As run_loss, for a plan that was prepared. The caller flushes denormals. Blocks of valid items that share no score are dealt to the
// context's threads.
void run_cpu_loss(const LossPlan &plan, CpuContext &context, const float *scores, int64_t score_stride, Workspace &workspace);

}  // namespace gavel

#endif
