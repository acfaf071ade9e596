// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_bits.cpp: every table gives the bits of the definition, for every dtype, number of rows, depth and number of columns.
#include <cinttypes>

#include "check.h"
#include "gemm_case.h"

namespace gavel::test {
namespace {

// Rows repeat after this many, so that the definition is worked out for few of them and still each row of a batch is compared
// with its own: no group or tile has a multiple of 13 rows.
constexpr int64_t kDistinct = 13;

void check_shape(int32_t dtype, int64_t rows, int64_t depth, int64_t columns, bool exact) {
  const uint64_t seed = static_cast<uint64_t>(rows * 1000003 + depth * 1009 + columns * 10 + dtype);
  Random random(seed);
  // Exact: small whole numbers, whose every order of summation gives the same. Else values whose sums round at each step.
  const auto draw_a = [&] { return exact ? static_cast<float>(random.integer(-8, 8)) : random.normal(); };
  const auto draw_b = [&] {
    return exact ? static_cast<float>(random.integer(-8, 8))
                 : random.normal() * std::exp2(static_cast<float>(random.integer(-6, 6)));
  };
  const int64_t distinct = std::min(rows, kDistinct);
  const Matrix a = filled(dtype, distinct, depth, draw_a), b = filled(dtype, columns, depth, draw_b);
  const AlignedBytes panels = panels_of(b, dtype);
  const int64_t width = panel_count(columns) * kPanelColumns;

  std::vector<float> expected(static_cast<size_t>(rows * width), 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      float &to = expected[static_cast<size_t>(r * width + c)];
      if (r >= distinct) {
        to = expected[static_cast<size_t>(r % distinct * width + c)];
      } else if (exact) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k) sum += static_cast<double>(a.at(r, k)) * b.at(c, k);
        to = static_cast<float>(sum);
      } else {
        to = element(a, r, b, c);
      }
    }
  }
  for (const Table &table : tables()) {
    if (table.slow && rows * depth * width > 1100000) continue;
    const std::vector<float> actual = product(*table.kernels, a, rows, panels, columns);
    check_bits(table.name + " " + dtype_text(dtype) + (exact ? " exact" : "") + " rows " + std::to_string(rows) + " depth " +
                   std::to_string(depth) + " columns " + std::to_string(columns),
               actual.data(), expected.data(), rows * width, seed);
  }
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const gavel::FlushDenormals flush;
  for (const Table &table : tables()) std::fprintf(stderr, "table %s\n", table.name.c_str());
  // All processors there are add in this order; the day one does not, it should be known, not just slower.
  const char *reason = nullptr;
  if (__builtin_cpu_supports("avx512bf16") && gavel::kernels_for(GAVEL_INSTRUCTION_SET_AVX512, &reason)) {
    CHECK(gavel::bf16_products_in_order(), "VDPBF16PS of this processor adds in another order than tile order");
  }
  for (const int32_t dtype : kDtypes) {
    for (const int64_t depth : {1, 31, 32, 33, 384, 1000, 1024, 4096}) {
      for (const int64_t rows : {1, 2, 7, 16, 17, 63, 64, 65, 257, 1024}) {
        const bool large = rows > 65 || depth > 1000;
        // Many rows and long ones, but not both.
        if (kSanitized && (rows > 257 || (large && rows > 2 && depth > 33))) continue;
        for (const int64_t columns : {1, 31, 32, 33, 100}) {
          if (large && columns != 33) continue;
          check_shape(dtype, rows, depth, columns, false);
        }
        check_shape(dtype, rows, depth, large ? 1 : 33, true);
      }
    }
  }
  return finish();
}
