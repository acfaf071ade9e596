// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// chains.h: the orders in which f32 products are added up: chains of fused multiply-adds, each of which begins with a product, and their sums.
// Products of matrices have chains of 8, four of them one after another: one chain of 32 would have 2.4 times the variance, for four
// additions less. Output layers, whose roundings are the score's own, have chains of 4 in pairs, which is nearer by a fifth.
#ifndef GAVEL_CUDA_CHAINS_H
#define GAVEL_CUDA_CHAINS_H

#include <cstdint>

#include "cuda/device.h"

namespace gavel::cuda {

constexpr int kChain = 8;

// step(i, sum): fmaf of the factors i and sum. -0 and a product is the product, its sign included.
template <int kSteps = kChain, typename Step>
__device__ __forceinline__ float add_chain(Step step) {
  float sum = -0.0f;
  GAVEL_UNROLL
  for (int i = 0; i < kSteps; ++i) sum = step(i, sum);
  return sum;
}
// Of a tile of 32 neurons.
template <int kSteps = 32, typename Step>
__device__ __forceinline__ float add_in_pairs(Step step) {
  if constexpr (kSteps == 4) {
    return add_chain<kSteps>(step);
  } else {
    const float first = add_in_pairs<kSteps / 2>(step);
    return first + add_in_pairs<kSteps / 2>([&](int i, float sum) { return step(kSteps / 2 + i, sum); });
  }
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
