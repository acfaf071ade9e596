// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// register_products_bf16.inl: register_products.inl with VDPBF16PS. Included by avx512_bf16.cpp after gemm_bf16.inl.

int64_t pairs_register_products(int32_t dtype, int64_t rounds) {
  if (dtype != GAVEL_BF16) return register_products(dtype, rounds);
  volatile float number = 0.5f;
  const Words pairs = words_of(set(number));
  Vector sums[kProductChains];
  for (int chain = 0; chain < kProductChains; ++chain) sums[chain] = set(number * static_cast<float>(chain));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kProductChains; ++chain) sums[chain] = PairRows::advance(sums[chain], pairs, pairs);
  }
  for (int chain = 1; chain < kProductChains; ++chain) sums[0] = add(sums[0], sums[chain]);
  number = fold(sums[0]);
  return rounds * kProductChains * 16 * 4;
}
