// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "mma.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "kernel.h"

namespace gavel::emulator {

float widen_bf16(uint16_t bits) {
  return same_bits<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t narrow_bf16(float value) {
  const uint32_t bits = same_bits<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// In integers, so that neither the flush mode nor the processor matters.
float widen_f16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = bits >> 10 & 31;
  uint32_t fraction = bits & 0x3ffu;
  if (exponent == 31) return same_bits<float>(sign | 0x7f800000u | fraction << 13 | (fraction != 0 ? 0x400000u : 0));
  if (exponent != 0) return same_bits<float>(sign | (exponent + 112) << 23 | fraction << 13);
  if (fraction == 0) return same_bits<float>(sign);
  uint32_t scale = 113;
  for (; (fraction & 0x400u) == 0; --scale) fraction <<= 1;
  return same_bits<float>(sign | scale << 23 | (fraction & 0x3ffu) << 13);
}

uint16_t narrow_f16(float value) {
  const uint32_t bits = same_bits<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);
  const int32_t exponent = static_cast<int32_t>(magnitude >> 23) - 112;
  uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
  // Bits that f16 cannot hold: 13, and more of them below its normal range.
  const uint32_t drop = exponent >= 1 ? 13 : static_cast<uint32_t>(14 - exponent);
  if (drop > 24) return sign;
  const uint32_t rest = fraction & ((1u << drop) - 1);
  fraction >>= drop;
  const uint32_t half = 1u << (drop - 1);
  if (rest > half || (rest == half && (fraction & 1) != 0)) ++fraction;
  // The leading bit of a normal number counts up the exponent, as does a carry.
  const uint32_t base = exponent >= 1 ? static_cast<uint32_t>(exponent - 1) << 10 : 0;
  return static_cast<uint16_t>(sign | (base + fraction));
}

namespace {

using Widen = float (*)(uint16_t);
using Product = void (*)(const float (*a)[16], const float (*b)[8], float (*d)[8]);

// This is most of the time of the tests, hence the instructions; the plain loop has the same bits.
__attribute__((target("avx,fma"))) void product_fma(const float (*a)[16], const float (*b)[8], float (*d)[8]) {
  __m256 columns[16];
  for (int k = 0; k < 16; ++k) columns[k] = _mm256_loadu_ps(b[k]);
  for (int row = 0; row < 16; row += 4) {
    __m256 sums[4];
    for (int i = 0; i < 4; ++i) sums[i] = _mm256_loadu_ps(d[row + i]);
    for (int k = 0; k < 16; ++k) {
      for (int i = 0; i < 4; ++i) sums[i] = _mm256_fmadd_ps(_mm256_broadcast_ss(&a[row + i][k]), columns[k], sums[i]);
    }
    for (int i = 0; i < 4; ++i) _mm256_storeu_ps(d[row + i], sums[i]);
  }
}

void product_plain(const float (*a)[16], const float (*b)[8], float (*d)[8]) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      for (int k = 0; k < 16; ++k) d[row][column] = std::fmaf(a[row][k], b[k][column], d[row][column]);
    }
  }
}

Product pick_product() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx") && __builtin_cpu_supports("fma") ? product_fma : product_plain;
}

// Lane g * 4 + t gives words 0 to 3 = d, 4 to 7 = a, 8 and 9 = b.
template <Widen widen>
void complete_mma(Warp &warp, uint32_t lanes) {
  static const Product product = pick_product();
  if (lanes != kAllLanes) stop("mma: only lanes 0x%08x take part; all 32 must", lanes);
  float a[16][16], b[16][8], d[16][8];
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4;
    const uint32_t *words = warp.threads[lane].given.words;
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t row = g + 8 * (i & 1), column = 2 * t + 8 * (i >> 1);
      a[row][column] = widen(static_cast<uint16_t>(words[4 + i]));
      a[row][column + 1] = widen(static_cast<uint16_t>(words[4 + i] >> 16));
      d[g + 8 * (i >> 1)][2 * t + (i & 1)] = same_bits<float>(words[i]);
    }
    for (uint32_t i = 0; i < 2; ++i) {
      const uint32_t k = 2 * t + 8 * i;
      b[k][g] = widen(static_cast<uint16_t>(words[8 + i]));
      b[k + 1][g] = widen(static_cast<uint16_t>(words[8 + i] >> 16));
    }
  }
  product(a, b, d);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4;
    for (uint32_t i = 0; i < 4; ++i) {
      warp.threads[lane].taken.words[i] = same_bits<uint32_t>(d[g + 8 * (i >> 1)][2 * t + (i & 1)]);
    }
  }
}

void mma(float *d, const uint32_t *a, const uint32_t *b, const char *name, Completion complete) {
  uint32_t *words = current->given.words;
  std::memcpy(words, d, 16);
  std::memcpy(words + 4, a, 16);
  std::memcpy(words + 8, b, 8);
  collective(kAllLanes, name, complete);
  std::memcpy(d, current->taken.words, 16);
}

}  // namespace

void mma_bf16(float *d, const uint32_t *a, const uint32_t *b) {
  mma(d, a, b, "mma_16816_bf16", complete_mma<widen_bf16>);
}

void mma_f16(float *d, const uint32_t *a, const uint32_t *b) {
  mma(d, a, b, "mma_16816_f16", complete_mma<widen_f16>);
}

}  // namespace gavel::emulator
