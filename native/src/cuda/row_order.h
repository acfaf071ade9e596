// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_order.h: the order in which the elements of one row are added up, and the team of warps that does it.
//
// Element k goes to lane (k / 8) % 32 and there to accumulator (k / 256) % 8, each accumulator starting at +0 and taking its elements
// in rising k by fmaf (or add). Then, per lane, accumulator i += accumulator i + 4, then + 2, then + 1; then lanes l += l xor 16, 8, 4,
// 2, 1. So a sum is a function of its row and its length alone: a team of 1, 2, 4 or 8 warps that share the accumulators (warp w of T
// has those with number w modulo T) gives the same bits.
#ifndef GAVEL_CUDA_ROW_ORDER_H
#define GAVEL_CUDA_ROW_ORDER_H

#include <cstdint>

#include "cuda/device.h"

namespace gavel::cuda {

constexpr int kAccumulators = 8;
constexpr int64_t kStripe = 256;  // elements that the 32 lanes of a warp take at once

// This thread's place among the kTeam warps of a row.
struct Seat {
  int warp;
  int lane;
};

// Stripes of a row of `width` elements.
__host__ __device__ constexpr int64_t stripe_count(int64_t width) {
  return (width + kStripe - 1) / kStripe;
}

// What this thread has added up: accumulator seat.warp + kTeam * i is sums[i].
template <int kTeam>
struct Accumulators {
  float sums[kAccumulators / kTeam] = {};
};

// The lane's part of the sum: what its accumulators come to, as far as they are in this warp. Afterwards sums[0] is the only one.
template <int kTeam>
__device__ inline float fold_accumulators(Accumulators<kTeam> &a) {
  GAVEL_UNROLL
  for (int half = kAccumulators / kTeam / 2; half > 0; half /= 2) {
    GAVEL_UNROLL
    for (int i = 0; i < half; ++i) a.sums[i] += a.sums[i + half];
  }
  return a.sums[0];
}

__device__ inline float sum_lanes(float value) {
  GAVEL_UNROLL
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

// The sum, in every thread of the team. parts: [kTeam][32] of shared memory that nothing else uses between this call's barrier and the
// next barrier after it; a team of one warp needs none. Every thread of the block must call it where kTeam > 1.
template <int kTeam>
__device__ inline float team_sum(Accumulators<kTeam> &a, Seat seat, float *parts) {
  float value = fold_accumulators<kTeam>(a);
  if constexpr (kTeam > 1) {
    parts[seat.warp * kWarp + seat.lane] = value;
    __syncthreads();
    float sums[kTeam];
    GAVEL_UNROLL
    for (int i = 0; i < kTeam; ++i) sums[i] = parts[i * kWarp + seat.lane];
    GAVEL_UNROLL
    for (int half = kTeam / 2; half > 0; half /= 2) {
      GAVEL_UNROLL
      for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    value = sums[0];
  }
  return sum_lanes(value);
}

}  // namespace gavel::cuda

#endif
