// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// optimizer.h: what is behind gavel_optimizer: AdamW over f32 masters of a head's parameters.
//
// Every call takes the head as reader or writer, which is also what keeps two calls on one optimizer apart: the second is GAVEL_BUSY.
#ifndef GAVEL_CPU_OPTIMIZER_H
#define GAVEL_CPU_OPTIMIZER_H

#include <atomic>
#include <cstdint>

#include "common/tensor.h"
#include "cpu/handle.h"
#include "cpu/head.h"
#include "cpu/memory.h"

struct gavel_optimizer final : gavel::Handle {
  // Keeps a reference to the head; masters are its parameters widened. The caller flushes denormals and holds a HeadReader.
  gavel_optimizer(gavel_head &parent, const gavel_optimizer_options &options);
  ~gavel_optimizer();

  gavel_head &head;
  const gavel_optimizer_options options;
  std::atomic<int64_t> step_count{0};
  // Per parameter, f32, contiguous.
  gavel::AlignedBytes master[gavel::kMostParameters];
  gavel::AlignedBytes first_moment[gavel::kMostParameters];
  gavel::AlignedBytes second_moment[gavel::kMostParameters];
};

namespace gavel {

inline gavel_optimizer &checked(gavel_optimizer *optimizer) {
  return checked_handle(optimizer, kOptimizerMagic, "optimizer");
}

// bias corrections grow no further long before this, and beta^t still is exact enough to be 0.
constexpr int64_t kMostSteps = int64_t{1} << 53;

// gradients: one checked f32 tensor per parameter, absent ones leave theirs alone. Throws Failure before anything changes where a
// gradient is not finite. The caller flushes denormals and holds a HeadWriter.
void run_step(gavel_optimizer &optimizer, const Tensor *gradients, float learning_rate);

// The state (GAVEL_OPTIMIZER_*) of one parameter. Throws Failure for an unknown one.
AlignedBytes &state_of(gavel_optimizer &optimizer, int32_t state, int32_t index);
// "second moment".
const char *state_name(int32_t state);

}  // namespace gavel

#endif
