// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Sums and elementwise rows of every table against their definition in kernels.h: small integers without tolerance, the order of
// sums bit by bit, and a computed bound against float64.
#include <array>
#include <functional>

#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

// The dot order of kernels.h, word for word.
float in_order(int64_t n, const std::function<float(int64_t, float)> &add_element) {
  std::array<float, 64> sums{};
  for (int64_t k = 0; k < n; ++k) sums[k % 64] = add_element(k, sums[k % 64]);
  for (int half = 32; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

struct Weights {
  std::vector<uint16_t> half;
  std::vector<float> wide;
};

// w rounded to the dtype by the scalar table, whose conversions rows_conversions.cpp checks.
Weights weights(int32_t dtype, const std::vector<float> &w) {
  Weights out{std::vector<uint16_t>(w.size()), w};
  if (dtype == GAVEL_F32) return out;
  kScalarKernels.narrow(dtype, w.data(), out.half.data(), static_cast<int64_t>(w.size()));
  kScalarKernels.widen(dtype, out.half.data(), out.wide.data(), static_cast<int64_t>(w.size()));
  return out;
}

float dot(const Kernels &kernels, const std::vector<float> &x, int32_t dtype, const Weights &w) {
  return kernels.dot(x.data(), dtype, dtype == GAVEL_F32 ? static_cast<const void *>(w.wide.data()) : w.half.data(),
                     static_cast<int64_t>(x.size()));
}

void test_exact(const Table &table, int64_t n, int32_t dtype) {
  const uint64_t seed = static_cast<uint64_t>(1000 + n);
  Random random(seed);
  std::vector<float> x, w;
  int64_t products = 0, total = 0;
  for (int64_t k = 0; k < n; ++k) {
    x.push_back(static_cast<float>(random.integer(-8, 8)));
    w.push_back(static_cast<float>(random.integer(-8, 8)));
    products += static_cast<int64_t>(x[k] * w[k]);
    total += static_cast<int64_t>(x[k]);
  }
  const std::string what = table.name + " dtype " + std::to_string(dtype) + " n " + std::to_string(n);
  const float expected[] = {static_cast<float>(products), static_cast<float>(total)};
  const float actual[] = {dot(*table.kernels, x, dtype, weights(dtype, w)), table.kernels->sum(x.data(), n)};
  check_bits("integers, dot and sum, " + what, actual, expected, 2, seed);
}

void test_order(const Table &table, int64_t n, int32_t dtype, float scale) {
  const uint64_t seed = static_cast<uint64_t>(2000 + n);
  Random random(seed);
  std::vector<float> x = row(random, n), w = row(random, n);
  for (float &v : x) v *= scale;
  const Weights weight = weights(dtype, w);
  const auto fused = [&](int64_t k, float sum) { return std::fmaf(x[k], weight.wide[k], sum); };
  const auto plain = [&](int64_t k, float sum) { return sum + x[k]; };
  const float expected[] = {in_order(n, fused), in_order(n, plain)};
  const float actual[] = {dot(*table.kernels, x, dtype, weight), table.kernels->sum(x.data(), n)};
  check_bits("order of dot and sum, " + table.name + " n " + std::to_string(n), actual, expected, 2, seed);
}

void test_bound(const Table &table, int64_t n, int32_t dtype) {
  if (n == 0) return;
  const uint64_t seed = static_cast<uint64_t>(3000 + n);
  Random random(seed);
  const std::vector<float> x = row(random, n);
  const Weights w = weights(dtype, row(random, n));
  double exact = 0, magnitude = 0;
  for (int64_t k = 0; k < n; ++k) {
    const double product = static_cast<double>(x[k]) * w.wide[k];
    exact += product;
    magnitude += std::fabs(product);
  }
  // 4 sqrt(n) u sum|x w| + u |y|, u = 2^-24. For n = 4096 that is 5e-4 of the sum's deviation sqrt(n).
  const double bound = 4 * std::sqrt(static_cast<double>(n)) * 0x1p-24 * magnitude + 0x1p-24 * std::fabs(exact) + 1e-30;
  CHECK(bound < 0.01 * std::sqrt(static_cast<double>(n)), "the bound for n = %lld says nothing", static_cast<long long>(n));
  const float actual = dot(*table.kernels, x, dtype, w);
  check_bound("dot, " + table.name + " n " + std::to_string(n), &actual, &exact, &bound, 1, seed);
}

void test_edges(const Table &table) {
  const Kernels &kernels = *table.kernels;
  const char *name = table.name.c_str();
  const float one = 1, denormal = 0x1p-130f, large = 0x1p100f;
  CHECK(same_bits(kernels.dot(&denormal, GAVEL_F32, &large, 1), 0.0f), "%s: a denormal input counts", name);
  const float small[] = {0x1p-80f, 0x1p-80f};
  CHECK(same_bits(kernels.dot(small, GAVEL_F32, small, 2), 0.0f), "%s: a denormal product counts", name);
  const uint16_t bf16_denormal = 0x0010, f16_denormal = 0x0001;
  CHECK(same_bits(kernels.dot(&large, GAVEL_BF16, &bf16_denormal, 1), 0.0f), "%s: a bf16 denormal counts", name);
  CHECK(same_bits(kernels.dot(&one, GAVEL_F16, &f16_denormal, 1), 0x1p-24f), "%s: an f16 denormal is lost", name);
  CHECK(same_bits(kernels.dot(nullptr, GAVEL_F32, nullptr, 0), 0.0f), "%s: the empty sum is not +0", name);

  // Every sum underflows to -0 in the second round. Elements past the end must not turn it into +0.
  std::vector<float> x(129, 0x1p-126f);
  for (int k = 64; k < 129; ++k) x[k] = -0x1.000002p-126f;
  x[128] = -0.0f;
  CHECK(same_bits(kernels.sum(x.data(), 129), -0.0f), "%s: sum of 129", name);
  const std::vector<float> ones(129, 1.0f);
  CHECK(same_bits(kernels.dot(x.data(), GAVEL_F32, ones.data(), 129), -0.0f), "%s: dot of 129", name);

  for (int64_t n : {1, 17, 100}) {
    for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
      std::vector<float> values(static_cast<size_t>(n), 1.0f);
      const std::vector<float> w(values);
      values[at] = kNan;
      CHECK(std::isnan(kernels.sum(values.data(), n)) && std::isnan(kernels.dot(values.data(), GAVEL_F32, w.data(), n)),
            "%s: NaN at %lld of %lld is lost", name, static_cast<long long>(at), static_cast<long long>(n));
      values[at] = -kInfinity;
      CHECK(kernels.sum(values.data(), n) == -kInfinity && kernels.dot(w.data(), GAVEL_F32, values.data(), n) == -kInfinity,
            "%s: -infinity at %lld of %lld is lost", name, static_cast<long long>(at), static_cast<long long>(n));
    }
  }
}

void test_elementwise(const Table &table, int64_t n) {
  const uint64_t seed = static_cast<uint64_t>(4000 + n);
  Random random(seed);
  const std::vector<float> x = row(random, n), y = row(random, n);
  std::vector<float> expected[4], actual[4] = {y, y, y, y};
  for (int64_t k = 0; k < n; ++k) {
    expected[0].push_back(y[k] + x[k]);
    expected[1].push_back(y[k] - x[k]);
    expected[2].push_back(y[k] / 0.3f);
    expected[3].push_back(std::fmaf(0.3f, x[k], y[k]));
  }
  table.kernels->add(actual[0].data(), x.data(), n);
  table.kernels->subtract(actual[1].data(), x.data(), n);
  table.kernels->divide(actual[2].data(), 0.3f, n);
  table.kernels->multiply_add(actual[3].data(), 0.3f, x.data(), n);
  const char *names[] = {"add", "subtract", "divide", "multiply_add"};
  for (int i = 0; i < 4; ++i) check_bits(table.name + " " + names[i], actual[i].data(), expected[i].data(), n, seed);
}

void test_panel_dot(const Table &table, int64_t rows, int64_t stride) {
  const uint64_t seed = static_cast<uint64_t>(5000 + rows);
  Random random(seed);
  const std::vector<float> u = row(random, rows * 32), w = row(random, 32);
  std::vector<float> expected(static_cast<size_t>(rows * stride), kNan), actual = expected;
  for (int64_t r = 0; r < rows; ++r) {
    float v[16];
    for (int l = 0; l < 16; ++l) v[l] = std::fmaf(u[r * 32 + l + 16], w[l + 16], u[r * 32 + l] * w[l]);
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) v[i] += v[i + half];
    }
    expected[r * stride] = v[0];
  }
  table.kernels->panel_dot(u.data(), rows, w.data(), actual.data(), stride);
  check_bits(table.name + " panel_dot of " + std::to_string(rows) + " rows", actual.data(), expected.data(), rows * stride,
             seed);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    for (int64_t n : kLengths) {
      for (int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
        test_exact(table, n, dtype);
        test_order(table, n, dtype, 1);
        test_order(table, n, dtype, 0x1p-126f);  // partial sums cross the smallest normal number
        test_bound(table, n, dtype);
      }
      test_elementwise(table, n);
    }
    test_edges(table);
    for (int64_t rows : {1, 2, 3, 16, 128}) {
      test_panel_dot(table, rows, 1);
      test_panel_dot(table, rows, 3);
    }
  }
  return finish();
}
