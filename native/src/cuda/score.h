// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score.h: from checked hidden states and items on the device to scores; what a score is stands in score.cu.
#ifndef GAVEL_CUDA_SCORE_H
#define GAVEL_CUDA_SCORE_H

#include <cstdint>
#include <optional>

#include "cuda/calls.h"
#include "cuda/gemm.h"
#include "cuda/head.h"
#include "cuda/linear.h"
#include "cuda/stream.h"

namespace gavel::cuda {

// Which kernels to use, in tests: the bits may not depend on it. Absent: the fast one.
struct ScoreKernels {
  std::optional<LinearKernel> linear;
  std::optional<ProductKernel> product;
};

// Scratch bytes of the stream that the call needs.
int64_t score_workspace(const ScoreCall &call, const ScoreKernels &kernels = {});
void enqueue_score(const ScoreCall &call, Stream &stream, const ScoreKernels &kernels = {});

}  // namespace gavel::cuda

#endif
