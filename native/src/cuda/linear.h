// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// linear.h: scores of a LINEAR head: gather, pooling, norm, dot products, readout in one launch.
#ifndef GAVEL_CUDA_LINEAR_H
#define GAVEL_CUDA_LINEAR_H

#include "cuda/norm.h"
#include "cuda/output.h"

namespace gavel::cuda {

// A kernel argument.
struct Linear {
  Source source;
  Norm norm;
  int32_t dtype;       // of the head
  const void *weight;  // [K, D]
  float *pooled;       // [R, D] before the norm, or null
  int64_t pooled_stride;
  Output output;
};

// The kernels, of which all give the same bits: a warp an item (aligned rows, at most 2048 wide), 4 warps an item (aligned, at most 8192),
// and 4 warps that read the rows again for every pass (any).
enum class LinearKernel : int32_t { WARP = 0, TEAM = 1, STREAM = 2 };

bool linear_possible(LinearKernel kernel, const Source &source);
LinearKernel choose_linear(const Source &source, int sm_count);
// items > 0.
void enqueue_linear(const Linear &linear, LinearKernel kernel, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
