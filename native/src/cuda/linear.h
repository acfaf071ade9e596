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

// The kernels, which all give the same bits: a warp an item (at most 1024 elements), 4 warps (4096) and 8 warps (8192), which keep a vector
// in registers and want aligned rows; and 4 warps that read the rows again for every pass (any).
enum class LinearKernel : int32_t { WARP = 0, TEAM_4 = 1, TEAM_8 = 2, STREAM = 3 };

// Which of them are compiled, by the dtypes of the head and of the rows (means are f32 rows, whatever the head) and by the number of
// outputs: the frequent ones, for STREAM does everything.
constexpr bool linear_exists(LinearKernel kernel, int32_t head, int32_t hidden, bool one_output) {
  switch (kernel) {
    case LinearKernel::WARP:
      return head == hidden && one_output;
    case LinearKernel::TEAM_4:
      return head == hidden || (head == GAVEL_F32 && one_output);
    case LinearKernel::TEAM_8:
      return head == hidden && head != GAVEL_F32 && one_output;
    default:
      return true;
  }
}
// Whether a kernel's last block computes a small loss (output.h). STREAM is compiled for every pair of dtypes, and in each the loss would be
// most of the code.
__host__ __device__ constexpr bool linear_takes_loss(LinearKernel kernel) {
  return kernel != LinearKernel::STREAM;
}
bool linear_possible(LinearKernel kernel, const Linear &linear);
LinearKernel choose_linear(const Linear &linear, int sm_count);
// items > 0.
void enqueue_linear(const Linear &linear, LinearKernel kernel, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
