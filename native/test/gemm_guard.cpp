// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_guard.cpp: packing and products touch no byte outside the buffers they are told of, and write no input.
#include "check.h"
#include "gemm_case.h"
#include "guard.h"

namespace gavel::test {
namespace {

int64_t rounded_up(int64_t n) {
  return (n + 31) / 32 * 32;
}

void check_panel(int32_t from, int32_t to, int64_t columns, int64_t depth, bool transposed, Edge edge) {
  Guarded matrix(columns * depth * value_bytes(from), edge);
  std::memset(matrix.as<char>(), 0, static_cast<size_t>(matrix.bytes()));
  matrix.freeze();
  const MatrixView view = {matrix.as<char>(), from, columns, depth, transposed ? 1 : depth, transposed ? columns : 1};
  for (int64_t p = 0; p < panel_count(columns); ++p) {
    Guarded panel(panel_bytes(to, depth), edge);
    pack_panel(to, view, p, panel.as<char>());
    CHECK(panel.untouched(), "panel %s to %s wrote outside", dtype_text(from), dtype_text(to));
  }
}

void check_product(const Table &table, int32_t dtype, int32_t source_dtype, int64_t rows, int64_t depth, int64_t stride,
                   Edge edge) {
  const Kernels &kernels = *table.kernels;
  const std::string what = table.name + " " + dtype_text(source_dtype) + " as " + dtype_text(dtype) + " rows " +
                           std::to_string(rows) + " depth " + std::to_string(depth) + " stride " + std::to_string(stride);
  const int64_t bytes = kernels.packed_rows_bytes(dtype, rows, depth);
  CHECK(bytes % 64 == 0 && bytes >= rows * rounded_up(depth) * value_bytes(dtype), "%s: %lld bytes", what.c_str(),
        static_cast<long long>(bytes));
  Guarded packed(bytes, edge), c(rows * kPanelColumns * 4, edge), panels(2 * panel_bytes(dtype, depth), edge);
  for (int64_t r = 0; r < rows; ++r) {
    Guarded source(((depth - 1) * stride + 1) * value_bytes(source_dtype), edge);
    const uint32_t one = to_bits(source_dtype, 1);
    for (int64_t k = 0; k < depth; ++k) {
      std::memcpy(source.as<char>() + k * stride * value_bytes(source_dtype), &one,
                  static_cast<size_t>(value_bytes(source_dtype)));
    }
    source.freeze();
    kernels.pack_row(dtype, source_dtype, source.as<char>(), stride, depth, packed.as<char>(), r, rows);
  }
  kernels.pack_tail(dtype, depth, packed.as<char>(), rows);
  CHECK(packed.untouched(), "%s: packing wrote outside", what.c_str());

  // Ones, so every element is the depth.
  const Matrix ones = filled(dtype, 64, depth, [] { return 1.0f; });
  char *second = panels.as<char>() + panel_bytes(dtype, depth);
  pack_panel(dtype, ones.view(), 0, panels.as<char>());
  pack_panel(dtype, ones.view(), 1, second);
  packed.freeze();
  panels.freeze();
  kernels.multiply(dtype, packed.as<char>(), rows, panels.as<char>(), second, depth, c.as<float>());
  std::memset(c.as<char>(), 0xff, static_cast<size_t>(c.bytes()));
  kernels.multiply(dtype, packed.as<char>(), rows, second, nullptr, depth, c.as<float>());
  CHECK(c.untouched(), "%s: the product wrote outside", what.c_str());
  int64_t wrong = 0;
  for (int64_t i = 0; i < rows * kPanelColumns; ++i) wrong += c.as<float>()[i] != static_cast<float>(depth);
  CHECK(wrong == 0, "%s: %lld elements are wrong", what.c_str(), static_cast<long long>(wrong));
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const gavel::FlushDenormals flush;
  constexpr int32_t kPairs[][2] = {{GAVEL_F32, GAVEL_F32}, {GAVEL_F16, GAVEL_F16},  {GAVEL_BF16, GAVEL_BF16},
                                   {GAVEL_F16, GAVEL_F32}, {GAVEL_BF16, GAVEL_F32}, {GAVEL_F32, GAVEL_F16},
                                   {GAVEL_F32, GAVEL_BF16}};
  for (const auto &[from, to] : kPairs) {
    for (const Edge edge : kEdges) {
      for (const int64_t depth : {1, 31, 32, 33, 65}) {
        for (const int64_t columns : {1, 31, 32, 33}) {
          check_panel(from, to, columns, depth, false, edge);
          check_panel(from, to, columns, depth, true, edge);
        }
        for (const Table &table : tables()) {
          for (const int64_t rows : {1, 3, 4, 5, 9, 15, 16, 17, 33}) {
            check_product(table, to, from, rows, depth, rows == 9 ? 3 : 1, edge);
          }
        }
      }
      // Long enough for chunks of a panel, and for what is fetched ahead.
      for (const Table &table : tables()) {
        for (const int64_t rows : {1, 6, 13, 20}) {
          if (from == to) check_product(table, to, from, rows, 700, 1, edge);
        }
      }
    }
  }
  return finish();
}
