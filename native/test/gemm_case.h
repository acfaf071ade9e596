// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_case.h: what the gemm tests share: every kernel table of this machine, a product run through it, and its definition.
#ifndef GAVEL_TEST_GEMM_CASE_H
#define GAVEL_TEST_GEMM_CASE_H

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/memory.h"
#include "gavel/gavel.h"
#include "random.h"
#include "summation.h"

namespace gavel {
// amx.cpp's products over the tile unit of software_tile.h (gemm_software_amx.cpp).
extern const Kernels kSoftwareAmxKernels;
}  // namespace gavel

namespace gavel::test {

struct Table {
  std::string name;
  const Kernels *kernels;
  bool slow;  // one element after the other: large shapes would take minutes
};

// The scalar table first.
inline std::vector<Table> tables() {
  std::vector<Table> out = {{"scalar", &kScalarKernels, true}, {"amx in software", &kSoftwareAmxKernels, true}};
  const char *reason = nullptr;
  if (kernels_for(GAVEL_INSTRUCTION_SET_AVX2, &reason)) out.push_back({"avx2", &kAvx2Kernels, false});
  if (kernels_for(GAVEL_INSTRUCTION_SET_AVX512, &reason)) {
    out.push_back({"avx512", &kAvx512Kernels, false});
    if (kernels_for(GAVEL_INSTRUCTION_SET_AVX512, &reason) == &kAvx512Bf16Kernels) {
      out.push_back({"avx512 bf16", &kAvx512Bf16Kernels, false});
    }
  }
  if (kernels_for(GAVEL_INSTRUCTION_SET_AMX, &reason)) out.push_back({"amx", &kAmxKernels, false});
  return out;
}

constexpr int32_t kDtypes[] = {GAVEL_F32, GAVEL_F16, GAVEL_BF16};
inline const char *dtype_text(int32_t dtype) {
  return dtype == GAVEL_F32 ? "f32" : dtype == GAVEL_F16 ? "f16" : "bf16";
}
inline int64_t value_bytes(int32_t dtype) {
  return dtype == GAVEL_F32 ? 4 : 2;
}

// Conversions by value, not by bits: independent of the library's. Nearest even comes from the C library's rounding.
inline float from_bits(int32_t dtype, uint32_t bits) {
  if (dtype == GAVEL_F32) return std::bit_cast<float>(bits);
  if (dtype == GAVEL_BF16) return std::bit_cast<float>(bits << 16);
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const float fraction = static_cast<float>(bits & 1023);
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}
inline uint32_t to_bits(int32_t dtype, float x) {
  if (dtype == GAVEL_F32) return std::bit_cast<uint32_t>(x);
  const int digits = dtype == GAVEL_F16 ? 11 : 8, lowest = dtype == GAVEL_F16 ? -14 : -126;
  const double largest = dtype == GAVEL_F16 ? 65504 : 0x1.fep127;
  const uint32_t infinity = dtype == GAVEL_F16 ? 0x7c00 : 0x7f80;
  const uint32_t sign = std::signbit(x) ? 0x8000 : 0;
  const double size = std::fabs(static_cast<double>(x));
  if (std::isnan(x)) return sign | infinity | infinity >> 1 | 1;
  if (size == 0) return sign;
  int exponent = std::isinf(x) ? 0 : std::ilogb(size);
  if (exponent < lowest) exponent = lowest;
  const double unit = std::ldexp(1.0, exponent - (digits - 1));
  const double rounded = std::nearbyint(size / unit) * unit;
  if (rounded > largest) return sign | infinity;
  // A whole number of the smallest unit below `lowest`; above it the bits count on in the same steps.
  const int power = rounded == 0 ? lowest : std::max(std::ilogb(rounded), lowest);
  const double steps = rounded / std::ldexp(1.0, power - (digits - 1));
  return sign | static_cast<uint32_t>(steps + static_cast<double>(power - lowest) * std::ldexp(1.0, digits - 1));
}

// A matrix stored in one of the dtypes, and its values.
struct Matrix {
  int32_t dtype;
  int64_t rows, depth;
  std::vector<unsigned char> bytes;

  Matrix(int32_t type, int64_t row_count, int64_t row_depth)
      : dtype(type), rows(row_count), depth(row_depth), bytes(static_cast<size_t>(row_count * row_depth * value_bytes(type))) {}
  void set_bits(int64_t r, int64_t k, uint32_t bits) {
    std::memcpy(&bytes[static_cast<size_t>((r * depth + k) * value_bytes(dtype))], &bits,
                static_cast<size_t>(value_bytes(dtype)));
  }
  void set(int64_t r, int64_t k, float x) { set_bits(r, k, to_bits(dtype, x)); }
  float at(int64_t r, int64_t k) const {
    uint32_t bits = 0;
    std::memcpy(&bits, &bytes[static_cast<size_t>((r * depth + k) * value_bytes(dtype))],
                static_cast<size_t>(value_bytes(dtype)));
    return from_bits(dtype, bits);
  }
  const void *row(int64_t r) const { return bytes.data() + r * depth * value_bytes(dtype); }
  MatrixView view() const { return {bytes.data(), dtype, rows, depth, depth, 1}; }
};

template <typename Draw>
Matrix filled(int32_t dtype, int64_t rows, int64_t depth, Draw draw) {
  Matrix out(dtype, rows, depth);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = 0; k < depth; ++k) out.set(r, k, draw());
  }
  return out;
}

// One element of the product as gemm.h defines it. The caller flushes denormals.
inline float element(const Matrix &a, int64_t row, const Matrix &b, int64_t column) {
  const auto step = [&](int64_t k, float chain) { return std::fmaf(a.at(row, k), b.at(column, k), chain); };
  return a.dtype == GAVEL_F32 ? f32_order(a.depth, step) : tile_order(a.depth, step);
}

// The panels of B.
inline AlignedBytes panels_of(const Matrix &b, int32_t dtype) {
  const int64_t bytes = panel_bytes(dtype, b.depth);
  AlignedBytes out(panel_count(b.rows) * bytes);
  for (int64_t p = 0; p < panel_count(b.rows); ++p) pack_panel(dtype, b.view(), p, out.as() + p * bytes);
  return out;
}

// Rows [first, first + rows) of a, taken from the rows of `a` one after the other and from its start again, packed.
inline AlignedBytes packed_rows(const Kernels &kernels, const Matrix &a, int64_t rows) {
  AlignedBytes out(kernels.packed_rows_bytes(a.dtype, rows, a.depth));
  std::memset(out.as(), 0xff, static_cast<size_t>(out.bytes()));
  for (int64_t r = 0; r < rows; ++r) kernels.pack_row(a.dtype, a.dtype, a.row(r % a.rows), 1, a.depth, out.as(), r, rows);
  kernels.pack_tail(a.dtype, a.depth, out.as(), rows);
  return out;
}

// C of `rows` rows (those of a, from its start again where there are more) and panel_count(columns) * 32 columns.
inline std::vector<float> product(const Kernels &kernels, const Matrix &a, int64_t rows, const AlignedBytes &panels,
                                  int64_t columns) {
  struct Collect {
    std::vector<float> out;
    int64_t width;
  } collect{std::vector<float>(static_cast<size_t>(rows * panel_count(columns) * kPanelColumns), NAN),
            panel_count(columns) * kPanelColumns};
  const Epilogue epilogue = {[](void *state, int64_t row, int64_t count, int64_t panel, float *c) {
                               auto *to = static_cast<Collect *>(state);
                               for (int64_t r = 0; r < count; ++r) {
                                 std::memcpy(&to->out[static_cast<size_t>((row + r) * to->width + panel * kPanelColumns)],
                                             c + r * kPanelColumns, kPanelColumns * sizeof(float));
                               }
                             },
                             &collect};
  const AlignedBytes packed = packed_rows(kernels, a, rows);
  AlignedBytes c(rows * kPanelColumns * 4);
  multiply_panels(kernels, a.dtype, packed.as(), 0, rows, panels.as(), a.depth, 0, panel_count(columns), c.as<float>(),
                  epilogue);
  return collect.out;
}

}  // namespace gavel::test

#endif
