// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// optimizer.h: AdamW over f32 masters of a head's parameters, on the CPU.
#ifndef GAVEL_CPU_OPTIMIZER_H
#define GAVEL_CPU_OPTIMIZER_H

#include <atomic>
#include <cstdint>

#include "common/adamw.h"
#include "common/tensor.h"
#include "cpu/head.h"
#include "cpu/memory.h"

namespace gavel {

struct CpuOptimizer {
  // Masters are the head's parameters widened. The caller flushes denormals and holds a HeadReader.
  CpuOptimizer(CpuHead &trained, const gavel_optimizer_options &checked_options);

  CpuHead &head;
  const gavel_optimizer_options options;
  std::atomic<int64_t> step_count{0};
  // Per parameter, f32, contiguous.
  AlignedBytes master[kMostParameters];
  AlignedBytes first_moment[kMostParameters];
  AlignedBytes second_moment[kMostParameters];
};

// gradients: one checked f32 tensor per parameter, absent ones leave theirs alone. Throws Failure before anything changes where a
// gradient is not finite. The caller flushes denormals and holds a HeadWriter.
void run_step(CpuOptimizer &optimizer, const Tensor *gradients, float learning_rate);

// The state (GAVEL_OPTIMIZER_*) of one parameter, both in range.
AlignedBytes &state_of(CpuOptimizer &optimizer, int32_t state, int32_t index);

}  // namespace gavel

#endif
