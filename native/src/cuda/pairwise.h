// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pairwise.h: the sum of common/pairwise_sum.h by several threads at once, with the same bits: its tree depends on the number of terms
// alone, so lanes can add neighbours side by side.
//
// Terms come in tiles of one per lane. A full tile is a node of the tree, made by shuffles; nodes are counted as the terms are in
// pairwise_sum.h, level l of the counter in lane l. Of the last tile, whose terms are fewer, the sums of the set bits of their number
// are added from the smallest up (pairwise_tail), which is what PairwiseSum::total does.
#ifndef GAVEL_CUDA_PAIRWISE_H
#define GAVEL_CUDA_PAIRWISE_H

#include "cuda/device.h"

namespace gavel::cuda {

// on ? node + sum : sum, by bit masks: ptxas 13.0 runs out of predicate registers (sm_90a) where many of these are decided early.
__device__ __forceinline__ float add_where(uint32_t on, float node, float sum) {
  const uint32_t mask = 0u - on;
  return __uint_as_float((__float_as_uint(node + sum) & mask) | (__float_as_uint(sum) & ~mask));
}

// Adds the terms of lanes 0 .. count - 1 of every kLanes lanes (count <= kLanes) to `lower`, the sum of all that comes behind them.
// All lanes of the warp take part; the result is in every lane of the team.
template <int kLanes>
__device__ __forceinline__ float pairwise_tail(float term, uint32_t count, float lower) {
  float sum = lower;
  for (uint32_t level = 0; (1u << level) < kLanes; ++level) {
    const uint32_t lane = ((count >> level) & ~1u) << level;
    const float node = __shfl_sync(kAllLanes, term, static_cast<int>(lane), kLanes);
    sum = add_where(count >> level & 1, node, sum);
    term = term + __shfl_xor_sync(kAllLanes, term, 1 << level, kLanes);
  }
  return count == kLanes ? term + sum : sum;
}

// Nodes of 2^k terms each, counted by one warp; every lane gives the same node.
class WarpPairwise {
 public:
  __device__ __forceinline__ void add(float node) {
    int level = 0;
    for (uint32_t left = count_++; (left & 1) != 0; left >>= 1) node = __shfl_sync(kAllLanes, partial_, level++) + node;
    if ((threadIdx.x & 31) == static_cast<uint32_t>(level)) partial_ = node;
  }

  // lower: sum of the terms behind the last whole node.
  __device__ __forceinline__ float total(float lower) const {
    float sum = lower;
    int level = 0;
    // Not written out: the levels are few, and a loss has many sums.
    GAVEL_UNROLL_BY(1)
    for (uint32_t left = count_; left != 0; left >>= 1) {
      const float node = __shfl_sync(kAllLanes, partial_, level++);
      sum = add_where(left & 1, node, sum);
    }
    return sum;
  }

 private:
  uint32_t count_ = 0;
  float partial_ = 0.0f;  // lane l: a finished sum of 2^l nodes where bit l of count_ is set
};

// The sum of common/pairwise_sum.h by one thread, of fewer than 2^kLevels terms, in registers: its loops are written out, so no partial sum
// is found by a number that the compiler does not know.
template <uint32_t kLevels>
class ThreadPairwise {
 public:
  __device__ __forceinline__ void add(float term) {
    const uint32_t left = count_++;
    bool carries = true;
    GAVEL_UNROLL
    for (uint32_t level = 0; level < kLevels; ++level) {
      const bool taken = (left >> level & 1) != 0;
      if (carries && taken) term = partial_[level] + term;
      if (carries && !taken) partial_[level] = term;
      carries = carries && taken;
    }
  }
  __device__ __forceinline__ float total() const {
    float sum = 0.0f;
    GAVEL_UNROLL
    for (uint32_t level = 0; level < kLevels; ++level) {
      if ((count_ >> level & 1) != 0) sum = partial_[level] + sum;
    }
    return sum;
  }

 private:
  uint32_t count_ = 0;
  float partial_[kLevels];
};

}  // namespace gavel::cuda

#endif
