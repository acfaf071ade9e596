// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// summation.h: the orders of cpu/gemm.h, cuda/gemm.h and common/span_mean.h written a second time, as plain loops.
#ifndef GAVEL_TEST_SUMMATION_H
#define GAVEL_TEST_SUMMATION_H

#include <algorithm>
#include <cstdint>

namespace gavel::test {

// step(k, chain): fma of the factors at k and the chain. Even and odd ones of [begin, end) apart, from `start`, then together. Behind the
// depth factors are 0.
template <typename Step>
float chains(int64_t begin, int64_t end, int64_t depth, float start, Step step) {
  float even = start, odd = start;
  for (int64_t k = begin; k < end; ++k) {
    float &chain = k % 2 == 0 ? even : odd;
    chain = k < depth ? step(k, chain) : chain + 0.0f;
  }
  return even + odd;
}

template <typename Step>
float tile_order(int64_t depth, Step step) {
  float sum = 0;
  for (int64_t block = 0; block < depth; block += 32) sum = sum + chains(block, block + 32, depth, 0.0f, step);
  return sum;
}

// -0 and a product is the product, its sign included.
template <typename Step>
float f32_order(int64_t depth, Step step) {
  float total = 0;
  for (int64_t span = 0; span < depth; span += 128) {
    float sum = 0;
    for (int64_t block = span; block < std::min(span + 128, depth); block += 32)
      sum = sum + (chains(block, block + 16, depth, -0.0f, step) + chains(block + 16, block + 32, depth, -0.0f, step));
    total = span == 0 ? sum : total + sum;
  }
  return total;
}

// 32 of them: chains of 8 from a product, one after another.
template <typename Step>
float cuda_step(int64_t begin, int64_t depth, Step step) {
  float sum = 0;
  for (int64_t chain = begin; chain < begin + 32; chain += 8) {
    float products = -0.0f;
    for (int64_t k = chain; k < chain + 8; ++k) products = k < depth ? step(k, products) : products + 0.0f;
    sum = sum + products;
  }
  return sum;
}

inline float sum_in_pairs(float (&values)[8]) {
  for (int64_t count = 8; count > 1; count /= 2) {
    for (int64_t i = 0; i < count / 2; ++i) values[i] = values[2 * i] + values[2 * i + 1];
  }
  return values[0];
}

// The product of f32 matrices: eighths of the steps, then those in pairs.
template <typename Step>
float cuda_f32_order(int64_t depth, Step step) {
  const int64_t steps = (depth + 31) / 32, slice = (steps + 7) / 8;
  float slices[8] = {};
  for (int64_t k = 0; k < steps; ++k) slices[k / slice] = slices[k / slice] + cuda_step(32 * k, depth, step);
  return sum_in_pairs(slices);
}

// 32 neurons of an output layer: chains of 4 from a product, in pairs.
template <typename Step>
float cuda_output_tile(int64_t begin, int64_t neurons, Step step) {
  float chains[8];
  for (int64_t chain = 0; chain < 8; ++chain) {
    chains[chain] = -0.0f;
    for (int64_t i = begin + 4 * chain; i < begin + 4 * chain + 4; ++i) {
      chains[chain] = i < neurons ? step(i, chains[chain]) : chains[chain] + 0.0f;
    }
  }
  return sum_in_pairs(chains);
}

// An output layer: tiles of 32 neurons, eight of them one after another, then such sums.
template <typename Step>
float cuda_output_order(int64_t neurons, Step step) {
  float total = 0;
  for (int64_t begin = 0; begin < neurons; begin += 256) {
    float sum = 0;
    for (int64_t tile = begin; tile < std::min(begin + 256, neurons); tile += 32)
      sum = sum + cuda_output_tile(tile, neurons, step);
    total = total + sum;
  }
  return total;
}

// Rows first .. first + count - 1 of a span, in blocks of `block` rows, each of them in blocks of a sixteenth. value(row): one element.
template <typename Value>
float span_sum(int64_t first, int64_t count, Value value, int64_t block = 4096) {
  if (block == 0) return value(first);
  float sum = 0;
  for (int64_t done = 0; done < count; done += block) {
    const float part = span_sum(first + done, std::min(block, count - done), value, block / 16);
    sum = done == 0 ? part : sum + part;
  }
  return sum;
}

}  // namespace gavel::test

#endif
