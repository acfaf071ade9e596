// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_edges.cpp: what is not a number, infinite, too large, denormal or zero goes through the product as gemm.h says, in
// every table, and into no other row or column.
#include "check.h"
#include "gemm_case.h"

namespace gavel::test {
namespace {

constexpr int64_t kDepth = 70;  // two whole blocks and a short one

void check_against_definition(const std::string &what, const Matrix &a, int64_t rows, const Matrix &b) {
  const AlignedBytes panels = panels_of(b, a.dtype);
  const int64_t width = panel_count(b.rows) * kPanelColumns;
  for (const Table &table : tables()) {
    const std::vector<float> c = product(*table.kernels, a, rows, panels, b.rows);
    std::vector<float> actual, expected;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t column = 0; column < b.rows; ++column) {
        actual.push_back(c[static_cast<size_t>(r * width + column)]);
        expected.push_back(element(a, r % a.rows, b, column));
      }
    }
    check_bits(table.name + " " + dtype_text(a.dtype) + " " + what, actual.data(), expected.data(), std::ssize(actual), 0);
  }
}

// One value that is not finite in one row: that row is what it makes of it, every other has the bits it has without it.
void check_contamination(int32_t dtype, float bad, int64_t rows, int64_t bad_row, int64_t bad_k) {
  Random random(7);
  const auto draw = [&] { return random.normal(); };
  Matrix a = filled(dtype, rows, kDepth, draw);
  const Matrix b = filled(dtype, 40, kDepth, draw);
  const AlignedBytes panels = panels_of(b, dtype);
  const int64_t width = panel_count(b.rows) * kPanelColumns;
  for (const Table &table : tables()) {
    Matrix good = a;
    const std::vector<float> expected = product(*table.kernels, good, rows, panels, b.rows);
    Matrix spoilt = a;
    spoilt.set(bad_row, bad_k, bad);
    std::vector<float> actual = product(*table.kernels, spoilt, rows, panels, b.rows);
    int64_t wrong = 0;
    for (int64_t column = 0; column < b.rows; ++column) {
      float &here = actual[static_cast<size_t>(bad_row * width + column)];
      wrong += !same_bits(here, element(spoilt, bad_row, b, column)) || std::isfinite(here);
    }
    CHECK(wrong == 0, "%s %s %g in row %d of %d: %d columns of it are wrong", table.name.c_str(), dtype_text(dtype), bad,
          static_cast<int>(bad_row), static_cast<int>(rows), static_cast<int>(wrong));
    for (int64_t column = 0; column < width; ++column) {
      actual[static_cast<size_t>(bad_row * width + column)] = expected[static_cast<size_t>(bad_row * width + column)];
    }
    check_bits(table.name + " " + dtype_text(dtype) + " rows beside one with " + std::to_string(bad), actual.data(),
               expected.data(), rows * width, 7);
  }
}

// A sum that was flushed to -0 stays -0 until a block adds to it. In tile order every block starts its chains at +0: after a block of -0
// products it is +0. In f32 order chains start with their first product, and it stays -0.
void check_flushed_to_minus_zero(int32_t dtype) {
  for (const int64_t depth : {64, 96}) {
    Matrix a(dtype, 21, depth);
    const Matrix b = filled(dtype, 33, depth, [] { return 1.0f; });
    for (int64_t r = 0; r < a.rows; ++r) {
      for (int64_t k = 0; k < depth; ++k) a.set(r, k, -0.0f);
      a.set(r, r % 32, 0x1.8p-126f);
      a.set(r, 32 + r % 32, -0x1.cp-126f);
    }
    check_against_definition("flushed to -0, depth " + std::to_string(depth), a, 21, b);
    const std::vector<float> c = product(kScalarKernels, a, 1, panels_of(b, dtype), 1);
    CHECK(c[0] == 0 && std::signbit(c[0]) == (depth == 64 || dtype == GAVEL_F32), "depth %d: %g", static_cast<int>(depth),
          c[0]);
  }
}

// Values of a few exponents around `exponent`, so that products or sums leave the range of normal floats.
void check_range(const char *what, int32_t dtype, int a_exponent, int b_exponent) {
  Random random(11);
  const auto draw = [&](int exponent) {
    return std::ldexp(static_cast<float>(random.uniform(1, 2)) * (random.integer(0, 1) ? 1 : -1),
                      exponent + static_cast<int>(random.integer(-3, 3)));
  };
  // Drawn as bits, not stored through arithmetic: the denormals must arrive.
  Matrix a(dtype, 9, kDepth), b(dtype, 33, kDepth);
  for (Matrix *matrix : {&a, &b}) {
    for (int64_t r = 0; r < matrix->rows; ++r) {
      for (int64_t k = 0; k < kDepth; ++k) matrix->set(r, k, draw(matrix == &a ? a_exponent : b_exponent));
    }
  }
  const FlushDenormals flush;
  check_against_definition(what, a, 9, b);
  check_against_definition(what, a, 41, b);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  for (const int32_t dtype : kDtypes) {
    {
      const gavel::FlushDenormals flush;
      for (const float bad : {NAN, INFINITY, -INFINITY}) {
        for (const int64_t rows : {1, 4, 9, 18, 37}) {
          for (const int64_t bad_k : {0, 31, 33, 69}) check_contamination(dtype, bad, rows, rows / 2, bad_k);
        }
      }
      // An infinite or NaN weight reaches its own column only, and meets zeros: 0 * infinity is NaN, in its own chain.
      Random random(5);
      const auto draw = [&] { return static_cast<float>(random.integer(-1, 1)); };
      const Matrix a = filled(dtype, 21, kDepth, draw);
      Matrix b = filled(dtype, 64, kDepth, draw);
      b.set(0, 3, INFINITY), b.set(17, 40, -INFINITY), b.set(33, 69, NAN), b.set(34, 2, INFINITY), b.set(34, 3, -INFINITY);
      check_against_definition("weights that are not finite", a, 21, b);
      // Sums of zeros of either sign are +0.
      const Matrix zeros = filled(dtype, 3, kDepth, [] { return -0.0f; });
      const Matrix ones = filled(dtype, 33, kDepth, [] { return 1.0f; });
      check_against_definition("zeros", zeros, 3, ones);
      const std::vector<float> c = product(gavel::kScalarKernels, zeros, 3, panels_of(ones, dtype), 33);
      CHECK(!std::signbit(c[0]), "%s: a sum of -0 terms is +0", dtype_text(dtype));
    }
    if (dtype != GAVEL_F16) {
      const gavel::FlushDenormals flush;
      check_flushed_to_minus_zero(dtype);
    }
    if (dtype == GAVEL_F16) {
      check_range("denormals", dtype, -18, 0);  // f16 denormals are kept: widened, they are normal
      check_range("largest", dtype, 14, 14);
      continue;
    }
    check_range("denormal inputs", dtype, -127, 0);
    check_range("denormal inputs, large weights", dtype, -127, 100);
    check_range("denormal products", dtype, -63, -63);
    check_range("overflow", dtype, 63, 63);
  }
  return finish();
}
