// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// chains.h: the order in which f32 products are added up: chains of 8 fused multiply-adds, each of which begins with a product; four of them one
// after another; then such sums. One chain of 32 would have 2.6 times the variance of four, for four additions less.
#ifndef GAVEL_CUDA_CHAINS_H
#define GAVEL_CUDA_CHAINS_H

#include <cstdint>

#include "cuda/device.h"

namespace gavel::cuda {

constexpr int kChain = 8;

// step(i, sum): fmaf of the factors i and sum. -0 and a product is the product, its sign included.
template <typename Step>
__device__ __forceinline__ float add_chain(Step step) {
  float sum = -0.0f;
  GAVEL_UNROLL
  for (int i = 0; i < kChain; ++i) sum = step(i, sum);
  return sum;
}
template <typename Step>
__device__ __forceinline__ float add_32(Step step) {
  float sum = 0;
  for (int begin = 0; begin < 32; begin += kChain) sum += add_chain([&](int i, float chain) { return step(begin + i, chain); });
  return sum;
}

// Sums of tiles of 32 neurons, which come in index order: eight one after another, then such sums.
class TileSum {
 public:
  __device__ __forceinline__ void add(int64_t tile, float value) {
    if (tile % 8 != 0) {
      part_ += value;
      return;
    }
    total_ += part_;
    part_ = value;
  }
  __device__ __forceinline__ float total() const { return total_ + part_; }

 private:
  float total_ = 0;
  float part_ = 0;
};

}  // namespace gavel::cuda

#endif
