// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_pack.cpp: panels hold what they should where they should, from any view of any allowed dtype; rows of a wider or a
// narrower dtype, strided and misaligned, multiply as if they had been converted first.
#include <algorithm>

#include "check.h"
#include "gemm_case.h"

namespace gavel::test {
namespace {

struct Conversion {
  int32_t from, to;
};
constexpr Conversion kConversions[] = {{GAVEL_F32, GAVEL_F32}, {GAVEL_F16, GAVEL_F16},  {GAVEL_BF16, GAVEL_BF16},
                                       {GAVEL_F16, GAVEL_F32}, {GAVEL_BF16, GAVEL_F32}, {GAVEL_F32, GAVEL_F16},
                                       {GAVEL_F32, GAVEL_BF16}};

std::string text(const Conversion &conversion) {
  return std::string(dtype_text(conversion.from)) + " to " + dtype_text(conversion.to);
}

// Numbers of every kind: ordinary ones, ties and near ties of both roundings, largest and smallest ones, denormals of each
// dtype, infinities. NaN is left out where bits are compared.
float any_number(Random &random) {
  constexpr float kOdd[] = {0.0f,     -0.0f,      1.00390625f, 1.01171875f, 65504.0f, 65519.0f,    65520.0f, 0x1p-14f, 0x1p-24f,
                            0x1p-25f, 0x1.8p-25f, 0x1p-126f,   0x1p-130f,   3e38f,    0x1.ffp127f, INFINITY, -INFINITY};
  if (random.integer(0, 3) == 0) return kOdd[random.integer(0, std::ssize(kOdd) - 1)];
  return random.normal() * std::exp2(static_cast<float>(random.integer(-30, 20)));
}

// The value of row k, column c of a panel, by the layouts gemm.h gives.
float panel_value(int32_t dtype, const void *panel, int64_t k, int64_t c) {
  int64_t at = k * 32 + c;
  if (dtype == GAVEL_BF16) at = k / 32 * 1024 + c / 16 * 512 + k % 32 / 2 * 32 + c % 16 * 2 + k % 2;
  uint32_t bits = 0;
  std::memcpy(&bits, static_cast<const char *>(panel) + at * value_bytes(dtype), static_cast<size_t>(value_bytes(dtype)));
  return from_bits(dtype, bits);
}

void check_panels(const Conversion &conversion, int64_t columns, int64_t depth, bool transposed) {
  const uint64_t seed = static_cast<uint64_t>(columns * 4001 + depth * 3 + transposed);
  Random random(seed);
  // Stored with `gap` more elements per line than the view has, from the second element of an allocation on.
  const int64_t gap = 5, width = value_bytes(conversion.from), shift = width;
  const int64_t lines = transposed ? depth : columns, line = (transposed ? columns : depth) + gap;
  std::vector<unsigned char> bytes(static_cast<size_t>(lines * line * width + shift), 0xff);
  std::vector<float> values(static_cast<size_t>(columns * depth));
  const int64_t column_stride = transposed ? 1 : line, depth_stride = transposed ? line : 1;
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t k = 0; k < depth; ++k) {
      const uint32_t bits = to_bits(conversion.from, any_number(random));
      std::memcpy(&bytes[static_cast<size_t>((c * column_stride + k * depth_stride) * width + shift)], &bits,
                  static_cast<size_t>(width));
      values[static_cast<size_t>(c * depth + k)] =
          from_bits(conversion.to, to_bits(conversion.to, from_bits(conversion.from, bits)));
    }
  }
  const MatrixView view = {bytes.data() + shift, conversion.from, columns, depth, column_stride, depth_stride};
  const int64_t padded = (depth + 31) / 32 * 32;
  check_equal("panel bytes", panel_bytes(conversion.to, depth), padded * 32 * value_bytes(conversion.to));
  AlignedBytes panel(panel_bytes(conversion.to, depth));
  std::vector<float> actual, expected;
  for (int64_t p = 0; p < panel_count(columns); ++p) {
    std::memset(panel.as(), 0xff, static_cast<size_t>(panel.bytes()));
    pack_panel(conversion.to, view, p, panel.as());
    for (int64_t k = 0; k < padded; ++k) {
      for (int64_t c = 0; c < 32; ++c) {
        const bool inside = k < depth && p * 32 + c < columns;
        expected.push_back(inside ? values[static_cast<size_t>((p * 32 + c) * depth + k)] : 0.0f);
        actual.push_back(panel_value(conversion.to, panel.as(), k, c));
      }
    }
  }
  check_bits("panels " + text(conversion) + (transposed ? " transposed" : "") + " columns " + std::to_string(columns) +
                 " depth " + std::to_string(depth),
             actual.data(), expected.data(), std::ssize(actual), seed);
}

// Rows of one dtype, `stride` elements from value to value, from the second element of an allocation on, packed for products
// in another.
void check_rows(const Conversion &conversion, int64_t depth, int64_t stride) {
  const uint64_t seed = static_cast<uint64_t>(depth * 100 + stride * 10 + conversion.from);
  constexpr int64_t kRows = 19;
  Random random(seed);
  const int64_t width = value_bytes(conversion.from), shift = width;
  std::vector<unsigned char> bytes(static_cast<size_t>(kRows * depth * stride * width + shift), 0xff);
  Matrix rounded(conversion.to, kRows, depth);
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t k = 0; k < depth; ++k) {
      // One row in four holds NaN and numbers of every kind, which must not reach the other rows.
      const float value = r % 4 != 3 ? random.normal() : random.integer(0, 9) == 0 ? NAN : any_number(random);
      const uint32_t bits = to_bits(conversion.from, value);
      std::memcpy(&bytes[static_cast<size_t>((r * depth + k) * stride * width + shift)], &bits, static_cast<size_t>(width));
      rounded.set(r, k, from_bits(conversion.from, bits));
    }
  }
  const Matrix b = filled(conversion.to, 3, depth, [&] { return random.normal(); });
  const AlignedBytes panels = panels_of(b, conversion.to);
  std::vector<float> expected;
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < b.rows; ++c) expected.push_back(element(rounded, r, b, c));
  }
  for (const Table &table : tables()) {
    const Kernels &kernels = *table.kernels;
    AlignedBytes packed(kernels.packed_rows_bytes(conversion.to, kRows, depth)), c(kRows * kPanelColumns * 4);
    std::memset(packed.as(), 0xff, static_cast<size_t>(packed.bytes()));
    // Any order of rows.
    for (int64_t i = 0; i < kRows; ++i) {
      const int64_t r = i * 7 % kRows;
      kernels.pack_row(conversion.to, conversion.from, bytes.data() + shift + r * depth * stride * width, stride, depth,
                       packed.as(), r, kRows);
    }
    kernels.pack_tail(conversion.to, depth, packed.as(), kRows);
    kernels.multiply(conversion.to, packed.as(), kRows, panels.as(), nullptr, depth, c.as<float>());
    std::vector<float> actual;
    for (int64_t r = 0; r < kRows; ++r) actual.insert(actual.end(), c.as<float>() + r * 32, c.as<float>() + r * 32 + b.rows);
    check_bits(
        table.name + " rows " + text(conversion) + " depth " + std::to_string(depth) + " stride " + std::to_string(stride),
        actual.data(), expected.data(), std::ssize(actual), seed);
  }
}

// The conversions the tests compare with, on values worked out by hand.
void check_own_conversions() {
  struct Known {
    int32_t dtype;
    float value;
    uint32_t bits;
  };
  constexpr Known kKnown[] = {{GAVEL_BF16, 1.0f, 0x3f80},
                              {GAVEL_BF16, 1.00390625f, 0x3f80},  // half a step above 1: to the even one
                              {GAVEL_BF16, 1.01171875f, 0x3f82},  // one and a half steps
                              {GAVEL_BF16, 0x1.fffffep127f, 0x7f80},
                              {GAVEL_BF16, 0x1p-133f, 0x0001},
                              {GAVEL_BF16, 0x1.8p-134f, 0x0001},
                              {GAVEL_F16, 1.0f, 0x3c00},
                              {GAVEL_F16, 65504.0f, 0x7bff},
                              {GAVEL_F16, 65520.0f, 0x7c00},
                              {GAVEL_F16, 65519.0f, 0x7bff},
                              {GAVEL_F16, 0x1p-24f, 0x0001},
                              {GAVEL_F16, 0x1p-25f, 0x0000},
                              {GAVEL_F16, 0x1.8p-25f, 0x0001},
                              {GAVEL_F16, 0x1.ffcp-15f, 0x0400},
                              {GAVEL_F16, -2.0f, 0xc000}};
  for (const Known &known : kKnown) {
    check_equal(std::string(dtype_text(known.dtype)) + " of " + std::to_string(known.value), to_bits(known.dtype, known.value),
                known.bits);
  }
  CHECK(from_bits(GAVEL_F16, 0x0001) == 0x1p-24f && from_bits(GAVEL_F16, 0x7bff) == 65504.0f, "f16 to value");
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  // Before denormals are flushed: these conversions work on them.
  check_own_conversions();
  for (const Conversion &conversion : kConversions) {
    for (const int64_t columns : {1, 31, 32, 33, 70}) {
      for (const int64_t depth : {1, 31, 32, 33, 100}) {
        for (const bool transposed : {false, true}) check_panels(conversion, columns, depth, transposed);
      }
    }
    // A view that is one element of memory over and over.
    const uint32_t one = to_bits(conversion.from, 1);
    gavel::AlignedBytes panel(gavel::panel_bytes(conversion.to, 40));
    gavel::pack_panel(conversion.to, {&one, conversion.from, 32, 40, 0, 0}, 0, panel.as());
    CHECK(panel_value(conversion.to, panel.as(), 39, 31) == 1 && panel_value(conversion.to, panel.as(), 40, 31) == 0, "%s",
          text(conversion).c_str());
  }
  for (const Conversion &conversion : kConversions) {
    for (const int64_t depth : {1, 31, 32, 33, 100, 384}) {
      for (const int64_t stride : {1, 2, 7}) {
        const gavel::FlushDenormals flush;
        check_rows(conversion, depth, stride);
      }
    }
  }
  return finish();
}
