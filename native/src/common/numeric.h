// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// numeric.h: the few transcendental functions losses are made of, in f32, with the same bits everywhere.
//
// libm is not called: its bits change with its version and with the processor. Only +, -, *, / and bit moves are used, each rounded
// once, and no fused multiply-and-add: losses are compiled for the baseline, where fmaf is a call. A compiler must therefore not
// contract here (g++ -ffp-contract=off, nvcc -fmad=false); then host and device agree. Results below 2^-126 are 0, whatever the
// flush mode of the caller. Largest errors against 80-bit long double, over every float between 2^-30
// and 2^8 in magnitude and each 97th of the others (test/loss_numeric.cpp takes a sample):
//   exponential 0.88 ULP, natural_log 0.88, log_one_plus 0.89, logistic 1.97, softplus 1.71.
// The polynomials are minimax fits of this project (Remez, then each coefficient rounded to f32).
#ifndef GAVEL_COMMON_NUMERIC_H
#define GAVEL_COMMON_NUMERIC_H

#include <stdint.h>
#include <string.h>

// __host__ __device__ where a CUDA compiler reads this file.
#ifdef __CUDACC__
#define GAVEL_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define GAVEL_HOST_DEVICE inline
#endif

namespace gavel {

constexpr float kInfinity = __builtin_huge_valf();

GAVEL_HOST_DEVICE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

GAVEL_HOST_DEVICE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// 2^k for -126 <= k <= 127.
GAVEL_HOST_DEVICE float power_of_two(int32_t k) {
  return float_of(static_cast<uint32_t>(k + 127) << 23);
}

GAVEL_HOST_DEVICE bool is_nan(float x) {
  return x != x;
}
GAVEL_HOST_DEVICE bool is_finite(float x) {
  return x - x == 0.0f;
}
GAVEL_HOST_DEVICE float absolute(float x) {
  return float_of(bits_of(x) & 0x7fffffffu);
}

// e^x. x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 is cut in two so that k times the first part is exact.
GAVEL_HOST_DEVICE float exponential(float x) {
  if (is_nan(x)) return x;
  if (x > 88.8f) return kInfinity;
  if (x < -0x1.5d589ep+6f) return 0.0f;  // the first float whose e^x is below 2^-126
  // Adding and taking off 1.5 * 2^23 rounds to the nearest integer.
  const float k = (x * 0x1.715476p+0f + 0x1.8p+23f) - 0x1.8p+23f;
  const float high = x - k * 0x1.63p-1f;
  const float low = k * -0x1.bd0106p-13f;
  const float r = high - low;
  const float lost = (high - r) - low;  // what rounding took from r; without it logistic would pass 2 ULP
  float p = 0x1.9f0c56p-13f;
  p = p * r + 0x1.6d8bc6p-10f;
  p = p * r + 0x1.11126cp-7f;
  p = p * r + 0x1.555490p-5f;
  p = p * r + 0x1.555554p-3f;
  p = p * r + 0.5f;
  const float y = 1.0f + (r + ((r * r) * p + lost));
  // Two factors: 2^128 alone is not a float.
  const int32_t whole = static_cast<int32_t>(k);
  const int32_t half = whole / 2;
  return (y * power_of_two(half)) * power_of_two(whole - half);
}

// log(u + small) for a normal u and |small| within a few ULP of u: the part of an argument that one float could not hold.
GAVEL_HOST_DEVICE float log_of_sum(float u, float small) {
  // u = 2^k m with m in [sqrt(1/2), sqrt(2)): 0x3f3504f3 are the bits of sqrt(1/2).
  const int32_t k = static_cast<int32_t>(bits_of(u) - 0x3f3504f3u) >> 23;
  const float m = float_of(bits_of(u) - (static_cast<uint32_t>(k) << 23));
  const float f = m - 1.0f;
  float p = 0x1.1bb5b2p-4f;
  p = p * f + -0x1.e22ab8p-4f;
  p = p * f + 0x1.e5ae6cp-4f;
  p = p * f + -0x1.fb5c80p-4f;
  p = p * f + 0x1.2340d8p-3f;
  p = p * f + -0x1.556284p-3f;
  p = p * f + 0x1.99a472p-3f;
  p = p * f + -0x1.ffffeep-3f;
  p = p * f + 0x1.555548p-2f;
  const float square = f * f;
  const float n = static_cast<float>(k);
  float y = (square * f) * p - 0.5f * square;
  y = y + (small / u + n * -0x1.bd0106p-13f);
  return (f + y) + n * 0x1.63p-1f;
}

// log(x); -inf at +-0 and below 2^-126, NaN below 0.
GAVEL_HOST_DEVICE float natural_log(float x) {
  if (is_nan(x) || x == kInfinity) return x;
  if (x < 0x1p-126f) return x <= -0x1p-126f ? kInfinity - kInfinity : -kInfinity;
  return log_of_sum(x, 0.0f);
}

// log(1 + x), exact where 1 + x is not.
GAVEL_HOST_DEVICE float log_one_plus(float x) {
  if (is_nan(x) || x == kInfinity) return x;
  if (x <= -1.0f) return x < -1.0f ? kInfinity - kInfinity : -kInfinity;
  const float u = 1.0f + x;
  if (u == 1.0f) return x;
  const float lost = x >= 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  return log_of_sum(u, lost);
}

// numerator / (1 + rest) for rest >= 0: the share of one term in a sum whose largest term is 1.
GAVEL_HOST_DEVICE float share_of(float numerator, float rest) {
  const float sum = 1.0f + rest;
  const float lost = rest - (sum - 1.0f);  // what rounding took from the sum; without it logistic would pass 2 ULP
  const float quotient = numerator / sum;
  return quotient - quotient * lost / sum;
}

// Everything a logistic loss at x needs, from one exponential: log(1 + e^x) and 1 / (1 + e^-x), at x and at -x, without overflow on
// either side. NaN stays NaN.
struct LogisticTerms {
  float softplus;
  float softplus_of_minus;
  float logistic;
  float logistic_of_minus;
};

GAVEL_HOST_DEVICE LogisticTerms logistic_terms(float x) {
  const float e = exponential(-absolute(x));
  const float above_0 = log_one_plus(e);
  const float larger = share_of(1.0f, e);
  const float smaller = share_of(e, e);
  return {
      (x > 0.0f ? x : 0.0f) + above_0,
      (x < 0.0f ? -x : 0.0f) + above_0,
      x < 0.0f ? smaller : larger,
      x < 0.0f ? larger : smaller,
  };
}

}  // namespace gavel

#endif
