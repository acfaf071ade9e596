// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// register_products.inl: the fused multiply-and-add of products, over registers alone: what gemm.inl would reach if its operands cost
// nothing to read.

// Each chain waits for its own last step: as many as latency times ports (4 times 2 on all of today's) or more, and no more than the
// registers hold. AVX2 has 16 for Vectors of two.
#ifdef __AVX512F__
constexpr int kProductChains = 12;
#else
constexpr int kProductChains = 6;
#endif

// Returns the operations that `rounds` rounds are.
int64_t register_products(int32_t, int64_t rounds) {
  // Through memory, or the compiler would work the sums out itself.
  volatile float number = 0.5f;
  const Vector factor = set(number);
  Vector sums[kProductChains];
  for (int chain = 0; chain < kProductChains; ++chain) sums[chain] = set(number * static_cast<float>(chain));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kProductChains; ++chain) sums[chain] = multiply_add(factor, factor, sums[chain]);
  }
  for (int chain = 1; chain < kProductChains; ++chain) sums[0] = add(sums[0], sums[chain]);
  number = fold(sums[0]);
  return rounds * kProductChains * 16 * 2;
}
