// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// rows.h: what the rows_*.cpp tests share: the tables this machine can run, row lengths around every vector width, and data that
// makes arithmetic go wrong.
#ifndef GAVEL_TEST_ROWS_H
#define GAVEL_TEST_ROWS_H

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "gavel/gavel.h"
#include "random.h"

namespace gavel::test {

struct Table {
  std::string name;
  const Kernels *kernels;
};

// The tables whose row kernels run here, scalar first. The row kernels of the AMX table are AVX-512 code compiled once more, so they
// are among them wherever AVX-512 is. What is missing is said.
inline std::vector<Table> row_tables() {
  std::vector<Table> tables = {{"scalar", &kScalarKernels}};
  const char *reason = nullptr;
  if (kernels_for(GAVEL_INSTRUCTION_SET_AVX2, &reason)) {
    tables.push_back({"avx2", &kAvx2Kernels});
  } else {
    std::fprintf(stderr, "not tested here: the rows of avx2: %s\n", reason);
  }
  if (const Kernels *chosen = kernels_for(GAVEL_INSTRUCTION_SET_AVX512, &reason)) {
    tables.push_back({"avx512", &kAvx512Kernels});
    tables.push_back({"amx", &kAmxKernels});
    if (chosen != &kAvx512Kernels) tables.push_back({"avx512 with bf16", chosen});
  } else {
    std::fprintf(stderr, "not tested here: the rows of avx512 and amx: %s\n", reason);
  }
  return tables;
}

constexpr int64_t kLengths[] = {0,  1,  2,  7,  8,  9,   15,  16,  17,  31,  32,   33,   47,
                                48, 49, 63, 64, 65, 100, 127, 128, 129, 384, 1000, 1024, 4096};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Zeros, denormals (largest, smallest), the numbers around the smallest normal one, ordinary ones, overflow, infinities, NaN.
constexpr float kSpecial[] = {0.0f,
                              -0.0f,
                              0x1p-149f,
                              -0x1p-149f,
                              0x1.fffffcp-127f,
                              -0x1.fffffcp-127f,
                              0x1p-126f,
                              -0x1p-126f,
                              0x1p-100f,
                              -0x1p-70f,
                              0x1p-24f,
                              -0x1p-14f,
                              1.0f,
                              -1.0f,
                              0.5f,
                              -1.5f,
                              3.0f,
                              -88.0f,
                              88.7f,
                              -104.0f,
                              1000.0f,
                              -65504.0f,
                              65519.0f,
                              65520.0f,
                              0x1p+100f,
                              -0x1p+64f,
                              0x1.fffffep+127f,
                              -0x1.fffffep+127f,
                              kInfinity,
                              -kInfinity,
                              kNan,
                              -kNan};

enum class Data { NORMAL, SPECIAL, BITS };

// NORMAL: mean 0, deviation 1. SPECIAL: half of them normal. BITS: every bit pattern alike.
inline std::vector<float> row(Random &random, int64_t n, Data data = Data::NORMAL) {
  std::vector<float> out(static_cast<size_t>(n));
  for (float &x : out) {
    if (data == Data::BITS) {
      x = std::bit_cast<float>(static_cast<uint32_t>(random.next()));
    } else if (data == Data::SPECIAL && random.integer(0, 1) == 0) {
      x = kSpecial[random.integer(0, static_cast<int64_t>(std::size(kSpecial)) - 1)];
    } else {
      x = random.normal();
    }
  }
  return out;
}

// 16-bit storage by its definition, in double: what widen has to give.
inline float float_of(int32_t dtype, uint16_t half) {
  if (dtype == GAVEL_BF16) return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
  const double sign = half & 0x8000 ? -1 : 1;
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31) return mantissa ? kNan : static_cast<float>(sign) * kInfinity;
  return static_cast<float>(sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24)));
}

// One unit in the last place at x, a float's; at and below 2^-126, where denormals are flushed, that of 2^-126.
inline double ulp(double x) {
  int exponent;
  std::frexp(std::fmax(std::fabs(x), 0x1p-126), &exponent);
  return std::ldexp(1, exponent - 24);
}

}  // namespace gavel::test

#endif
