// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_f32.h: the product of f32 matrices on CUDA cores, with the slices and tiles of the 16-bit kernels. A lane is a neuron, a warp a
// slice of the depth: a lane reads its row of W four elements at a time, a line of 128 bytes in 8 turns out of the L1 cache, and the
// values of X are the same for all lanes.
#ifndef GAVEL_CUDA_GEMM_F32_H
#define GAVEL_CUDA_GEMM_F32_H

#include "cuda/gemm_columns.h"

namespace gavel::cuda {

// x: packed f32 vectors of the block's items, in global or shared memory. Writes the warp's plane of the tile.
template <int kItems>
__device__ inline void multiply_f32(const Product &p, const ColumnPlace &place, const float *x, float *tile) {
  const int64_t steps = step_count(p.depth);
  const float *w = static_cast<const float *>(p.weight) +
                   ((place.tile * 4 + place.lane / 8) * steps + place.begin) * kBlockElements + place.lane % 8 * kBlockColumns;
  float sums[kItems] = {};
  // More would ask for more of X at once than there are registers.
  [[maybe_unused]] constexpr int kTurns = kItems == 8 ? 2 : 1;
  for (int step = 0; step < place.steps; ++step) {
    GAVEL_UNROLL_BY(kTurns)
    for (int q = 0; q < static_cast<int>(kBlockColumns); q += 4) {
      const float4 weight = *reinterpret_cast<const float4 *>(w + step * kBlockElements + q);
      GAVEL_UNROLL
      for (int c = 0; c < kItems; ++c) {
        const float4 value = *reinterpret_cast<const float4 *>(x + (c / 8 * steps + place.begin + step) * kBlockElements +
                                                               c % 8 * kBlockColumns + q);
        sums[c] = fmaf(weight.x, value.x, sums[c]);
        sums[c] = fmaf(weight.y, value.y, sums[c]);
        sums[c] = fmaf(weight.z, value.z, sums[c]);
        sums[c] = fmaf(weight.w, value.w, sums[c]);
      }
    }
  }
  constexpr int kPitch = column_pitch(GAVEL_F32, kItems);
  float *plane = tile + (place.warp * kColumnNeurons + place.lane) * kPitch;
  GAVEL_UNROLL
  for (int c = 0; c < kItems; ++c) plane[c] = sums[c];
}

}  // namespace gavel::cuda

#endif
