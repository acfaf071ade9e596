// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_f32.h: the product of f32 matrices on CUDA cores, with the slices and tiles of the 16-bit kernels. A lane is a neuron, a warp a
// slice of the depth: a lane reads its row of W a chain at a time, a line of 128 bytes in 4 turns out of the L1 cache, and the values
// of X are the same for all lanes.
#ifndef GAVEL_CUDA_GEMM_F32_H
#define GAVEL_CUDA_GEMM_F32_H

#include "cuda/chains.h"
#include "cuda/gemm_columns.h"

namespace gavel::cuda {

__device__ __forceinline__ void load_chain(const float *from, float (&values)[kChain]) {
  GAVEL_UNROLL
  for (int q = 0; q < kChain; q += 4) {
    const float4 four = *reinterpret_cast<const float4 *>(from + q);
    values[q] = four.x;
    values[q + 1] = four.y;
    values[q + 2] = four.z;
    values[q + 3] = four.w;
  }
}

// x: packed f32 vectors of the block's items, in global or shared memory. Writes the warp's plane of the tile.
template <int kItems>
__device__ inline void multiply_f32(const Product &p, const ColumnPlace &place, const float *x, float *tile) {
  const int64_t steps = step_count(p.depth);
  const float *w = static_cast<const float *>(p.weight) +
                   ((place.tile * 4 + place.lane / 8) * steps + place.begin) * kBlockElements + place.lane % 8 * kBlockColumns;
  float sums[kItems] = {};
  for (int step = 0; step < place.steps; ++step) {
    float parts[kItems] = {};
    // Several chains at once would ask for more of X than there are registers.
    GAVEL_UNROLL_BY(1)
    for (int k = 0; k < static_cast<int>(kBlockColumns); k += kChain) {
      const int64_t at = step * kBlockElements + k;
      float weights[kChain];
      load_chain(w + at, weights);
      GAVEL_UNROLL
      for (int c = 0; c < kItems; ++c) {
        float values[kChain];
        load_chain(x + (c / 8 * steps + place.begin) * kBlockElements + c % 8 * kBlockColumns + at, values);
        parts[c] += add_chain([&](int i, float sum) { return fmaf(weights[i], values[i], sum); });
      }
    }
    GAVEL_UNROLL
    for (int c = 0; c < kItems; ++c) sums[c] += parts[c];
  }
  constexpr int kPitch = column_pitch(GAVEL_F32, kItems);
  float *plane = tile + (place.warp * kColumnNeurons + place.lane) * kPitch;
  GAVEL_UNROLL
  for (int c = 0; c < kItems; ++c) plane[c] = sums[c];
}

}  // namespace gavel::cuda

#endif
