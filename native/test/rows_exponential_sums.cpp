// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The two row kernels of a log-sum-exp, of every table: the largest value, and the sum of exponentials in dot order.
#include <array>

#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

// The dot order of kernels.h over terms that the scalar table makes one at a time.
float in_order(const std::vector<float> &x, float shift) {
  std::array<float, 64> sums{};
  for (size_t k = 0; k < x.size(); ++k) sums[k % 64] += kScalarKernels.exponential_sum(&x[k], shift, 1);
  for (size_t half = 32; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

void test_random(const Table &table, int64_t n, float scale) {
  const uint64_t seed = static_cast<uint64_t>(500 + n);
  Random random(seed);
  std::vector<float> x = row(random, n);
  for (float &v : x) v *= scale;
  float largest = -kInfinity;
  for (const float v : x) largest = std::fmax(largest, v);
  const std::string what = table.name + " n " + std::to_string(n);
  const float actual[] = {table.kernels->largest(x.data(), n), table.kernels->exponential_sum(x.data(), largest, n)};
  const float shift = n == 0 ? 0 : largest;
  const float expected[] = {largest, in_order(x, shift)};
  check_bits(what, actual, expected, 2, seed);
  double sum = 0, bound = 1e-37;
  for (const float v : x) {
    const double distance = static_cast<double>(v) - static_cast<double>(shift), term = std::exp(distance);
    sum += term;
    // Rounding of the distance, 1 ULP of the exponential, 64 lanes of n / 64 terms each and six folds.
    bound += 0x1p-24 * term * (std::fabs(distance) + 2 + static_cast<double>(n) / 64 + 7);
  }
  check_bound("bound, " + what, actual + 1, &sum, &bound, 1, seed);
}

void test_edges(const Table &table) {
  const Kernels &kernels = *table.kernels;
  const char *name = table.name.c_str();
  CHECK(kernels.largest(nullptr, 0) == -kInfinity, "%s: the largest of nothing", name);
  CHECK(same_bits(kernels.exponential_sum(nullptr, 3, 0), 0.0f), "%s: the empty sum", name);
  for (const int64_t n : {1, 5, 16, 17, 70}) {
    std::vector<float> x(static_cast<size_t>(n), -5.0f);
    CHECK(kernels.exponential_sum(x.data(), -5, n) == static_cast<float>(n), "%s: %lld ones", name, static_cast<long long>(n));
    for (int64_t at = 0; at < n; ++at) {
      const auto k = static_cast<size_t>(at);
      x[k] = -4;
      CHECK(kernels.largest(x.data(), n) == -4, "%s: the largest at %lld", name, static_cast<long long>(at));
      x[k] = kNan;
      CHECK(kernels.largest(x.data(), n) == (n == 1 ? -kInfinity : -5), "%s: NaN at %lld", name, static_cast<long long>(at));
      CHECK(std::isnan(kernels.exponential_sum(x.data(), -5, n)), "%s: NaN at %lld is lost", name, static_cast<long long>(at));
      x[k] = -kInfinity;
      CHECK(kernels.exponential_sum(x.data(), -5, n) == static_cast<float>(n - 1), "%s: -inf counts", name);
      x[k] = -5;
    }
  }
  const float far[] = {0, -1e4f, -88, 1e-40f};
  CHECK(kernels.exponential_sum(far, 0, 4) == 2, "%s: far below", name);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    for (const int64_t n : kLengths) {
      test_random(table, n, 1);
      test_random(table, n, 30);
    }
    test_edges(table);
  }
  return finish();
}
