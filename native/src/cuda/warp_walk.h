// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// warp_walk.h: common/row_walk.h by the 32 lanes of a warp, with its bits: entry k belongs to lane k % 32, sums are in pairwise order.
// Every lane makes every call, so none may branch around one on what the others do not know.
#ifndef GAVEL_CUDA_WARP_WALK_H
#define GAVEL_CUDA_WARP_WALK_H

#include "common/row_walk.h"
#include "cuda/device.h"
#include "cuda/pairwise.h"

namespace gavel::cuda {

// Not inlined: a readout has a dozen sums, all over the same n, and the predicates of each would be kept for the next.
static __device__ __noinline__ float sum_of_tile(float term, uint32_t count) {
  return pairwise_tail<kWarp>(term, count, 0.0f);
}
static __device__ __noinline__ float sum_of_nodes(const WarpPairwise nodes, float lower) {
  return nodes.total(lower);
}

struct WarpWalk {
  using Place = int64_t;

  __device__ static int lane() { return static_cast<int>(threadIdx.x % kWarp); }

  // What a body reads of other lanes' entries may have been written since the last barrier, and is so by others behind it.
  template <typename Body>
  __device__ static void each(int64_t n, const Body &body) {
    __syncwarp();
    for (int64_t k = lane(); k < n; k += kWarp) body(k);
    __syncwarp();
  }

  template <typename Term>
  __device__ static float sum(int64_t n, const Term &term) {
    __syncwarp();
    WarpPairwise nodes;
    int64_t begin = 0;
    for (; begin + kWarp <= n; begin += kWarp) nodes.add(sum_of_tile(term(begin + lane()), kWarp));
    const auto rest = static_cast<uint32_t>(n - begin);
    const float last = static_cast<uint32_t>(lane()) < rest ? term(begin + lane()) : 0.0f;
    const float tail = sum_of_tile(last, rest);
    __syncwarp();
    return begin == 0 ? tail : sum_of_nodes(nodes, tail);
  }

  __device__ static Place leader(const float *z, int64_t n) {
    __syncwarp();
    int32_t at = -1;
    float most = 0.0f;
    for (int64_t k = lane(); k < n; k += kWarp) {
      const float value = z[k];
      if (value == value && (at < 0 || value > most)) at = static_cast<int32_t>(k), most = value;
    }
    GAVEL_UNROLL
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
      const int32_t other = __shfl_xor_sync(kAllLanes, at, distance);
      const float value = __shfl_xor_sync(kAllLanes, most, distance);
      if (other >= 0 && (at < 0 || value > most || (value == most && other < at))) at = other, most = value;
    }
    const float first = z[0];
    return at < 0 || first != first ? 0 : at;
  }

  __device__ static bool is(int64_t k, Place place) { return k == place; }
  template <typename Value>
  __device__ static float at(int64_t n, Place place, const Value &value) {
    (void)n;
    return value(place);
  }

  __device__ static void put(float *target, float value) {
    if (lane() == 0) *target = value;
  }
  __device__ static void sync() { __syncwarp(); }
};

}  // namespace gavel::cuda

#endif
