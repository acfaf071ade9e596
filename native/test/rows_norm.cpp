// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// RMS and layer norm and their gradients, of every table, against float64 within a computed bound; exact rows, edges. The float64
// gradient itself is checked by finite differences.
#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

constexpr double kU = 0x1p-24;
using Doubles = std::vector<double>;

struct Reference {
  Doubles y, y_bound, dx, dx_bound, dweight, dweight_bound;
  double rounded_mean;  // what rounding the mean alone does to a normed element
};

struct Case {
  bool layer;
  std::vector<float> x, weight, bias, dy;
  float epsilon;
  int64_t n() const { return static_cast<int64_t>(x.size()); }
};

Case make_case(bool layer, int64_t n, double offset, uint64_t seed) {
  Random random(seed);
  Case c{layer, row(random, n), row(random, n), layer ? row(random, n) : std::vector<float>(), row(random, n), 1e-5f};
  for (float &v : c.x) v += static_cast<float>(offset);
  return c;
}

double sum(const Doubles &v) {
  double total = 0;
  for (double x : v) total += x;
  return total;
}

// The formulas of norm.inl in float64, and bounds on what rounding every step to f32 can do: an element of an ordered sum of n takes
// part in at most n / 64 + 7 roundings.
Reference reference(const Case &c) {
  const size_t n = c.x.size();
  const double count = static_cast<double>(n), roundings = std::ceil(count / 64) + 7;
  Doubles x(c.x.begin(), c.x.end()), size_x, h, g, gh, size_g, size_gh;
  for (double v : x) size_x.push_back(std::fabs(v));
  const double mean = c.layer ? sum(x) / count : 0;
  const double mean_error = c.layer ? (roundings + 1) * kU * sum(size_x) / count : 0;
  double squares = 0;
  for (double v : x) squares += (v - mean) * (v - mean);
  const double variance = squares / count + c.epsilon;
  const double scale = 1 / std::sqrt(variance);
  // A wrong mean adds its square to the variance, since the deviations from the right one sum to 0.
  const double scale_error = ((roundings + 5) * kU + mean_error * mean_error / variance) / 2 + 2 * kU;
  for (size_t i = 0; i < n; ++i) {
    h.push_back((x[i] - mean) * scale);
    g.push_back(static_cast<double>(c.dy[i]) * c.weight[i]);
    gh.push_back(g[i] * h[i]);
    size_g.push_back(std::fabs(g[i]));
    size_gh.push_back(std::fabs(gh[i]));
  }
  Doubles h_error;
  double gh_error = 0;
  for (size_t i = 0; i < n; ++i) {
    h_error.push_back(std::fabs(h[i]) * (scale_error + 2 * kU) + mean_error * scale);
    gh_error += size_g[i] * h_error[i];
  }
  const double mean_g = c.layer ? sum(g) / count : 0, mean_gh = sum(gh) / count;
  const double mean_g_error = c.layer ? (roundings + 2) * kU * sum(size_g) / count : 0;
  const double mean_gh_error = ((roundings + 3) * kU * sum(size_gh) + gh_error) / count;
  Reference r;
  r.rounded_mean = kU * std::fabs(mean) * scale;
  for (size_t i = 0; i < n; ++i) {
    const double w = c.weight[i], b = c.layer ? c.bias[i] : 0;
    r.y.push_back(h[i] * w + b);
    r.y_bound.push_back(std::fabs(w) * h_error[i] + kU * (std::fabs(h[i] * w) + std::fabs(r.y[i])) + 1e-30);
    const double parts = std::fabs(g[i]) + std::fabs(mean_g) + std::fabs(h[i] * mean_gh);
    r.dx.push_back(scale * (g[i] - mean_g - h[i] * mean_gh));
    r.dx_bound.push_back(scale * (parts * (scale_error + 5 * kU) + mean_g_error + std::fabs(h[i]) * mean_gh_error +
                                  std::fabs(mean_gh) * h_error[i]) +
                         1e-30);
    r.dweight.push_back(c.dy[i] * h[i]);
    r.dweight_bound.push_back(std::fabs(c.dy[i]) * h_error[i] + kU * std::fabs(r.dweight[i]) + 1e-30);
  }
  return r;
}

// |a - b| / |b|; the largest met is printed at the end.
double worst_y = 0, worst_dx = 0;
double distance(const std::vector<float> &a, const Doubles &b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / std::fmax(size, 1e-300));
}

int32_t kind(const Case &c) {
  return c.layer ? GAVEL_NORM_LAYER : GAVEL_NORM_RMS;
}

void test_against_float64(const Table &table, const Case &c, uint64_t seed) {
  const Kernels &kernels = *table.kernels;
  const int64_t n = c.n();
  const std::string what = table.name + (c.layer ? " layer" : " rms") + " n " + std::to_string(n);
  const Reference r = reference(c);
  std::vector<float> y = c.x, dx(c.x.size(), kNan), dweight(c.x.size(), 0.0f), dbias(c.x.size(), 0.0f);
  kernels.norm(kind(c), y.data(), n, c.weight.data(), c.layer ? c.bias.data() : nullptr, c.epsilon);
  kernels.norm_gradient(kind(c), c.x.data(), c.weight.data(), c.epsilon, c.dy.data(), n, dx.data(), dweight.data(),
                        dbias.data());
  check_bound("y, " + what, y.data(), r.y.data(), r.y_bound.data(), n, seed);
  check_bound("dx, " + what, dx.data(), r.dx.data(), r.dx_bound.data(), n, seed);
  check_bound("dweight, " + what, dweight.data(), r.dweight.data(), r.dweight_bound.data(), n, seed);
  check_bits("dbias, " + what, dbias.data(), c.dy.data(), n, seed);
  if (n < 64) return;  // a few elements may all but cancel
  worst_y = std::fmax(worst_y, distance(y, r.y));
  worst_dx = std::fmax(worst_dx, distance(dx, r.dx));
  CHECK(distance(y, r.y) < 1e-6 + 2 * r.rounded_mean, "y, %s: %.2g", what.c_str(), distance(y, r.y));
  CHECK(distance(dx, r.dx) < 3e-6 + 2 * r.rounded_mean, "dx, %s: %.2g", what.c_str(), distance(dx, r.dx));
  // A bound near the size of the gradient itself would let anything pass.
  CHECK(sum(r.dx_bound) / static_cast<double>(n) < 0.01 * std::sqrt(1.0 / static_cast<double>(n)) * std::sqrt(sum([&] {
                                                     Doubles squares;
                                                     for (double v : r.dx) squares.push_back(v * v);
                                                     return squares;
                                                   }())),
        "the bound on dx says nothing, %s", what.c_str());
}

// d sum(dy y) / dx[i] by central differences in float64.
void test_reference(bool layer) {
  const Case c = make_case(layer, 33, 0.3, 7);
  const Reference r = reference(c);
  const auto loss = [&](const Doubles &x) {
    double mean = 0, squares = 0, total = 0;
    for (double v : x) mean += layer ? v / static_cast<double>(x.size()) : 0;
    for (double v : x) squares += (v - mean) * (v - mean) / static_cast<double>(x.size());
    for (size_t i = 0; i < x.size(); ++i) total += c.dy[i] * (x[i] - mean) / std::sqrt(squares + c.epsilon) * c.weight[i];
    return total;
  };
  for (size_t i = 0; i < c.x.size(); ++i) {
    Doubles above(c.x.begin(), c.x.end()), below = above;
    above[i] += 1e-5;
    below[i] -= 1e-5;
    const double slope = (loss(above) - loss(below)) / 2e-5;
    CHECK(std::fabs(slope - r.dx[i]) <= 1e-7 * std::fmax(1, std::fabs(slope)), "layer %d element %zu: %.12g, differences %.12g",
          layer, i, r.dx[i], slope);
  }
}

void test_exact(const Table &table) {
  const Kernels &kernels = *table.kernels;
  for (int64_t n : {2, 16, 64, 128, 1024}) {
    std::vector<float> rms, layer, weight, bias, rms_expected, layer_expected;
    for (int64_t k = 0; k < n; ++k) {
      const float sign = k % 2 ? -1.0f : 1.0f;
      weight.push_back(static_cast<float>(k % 7 - 3));
      bias.push_back(static_cast<float>(k % 5));
      rms.push_back(4 * sign);        // mean square 16, scale 1/4
      layer.push_back(6 + 2 * sign);  // mean 6, variance 4, scale 1/2
      rms_expected.push_back(sign * weight[k]);
      layer_expected.push_back(sign * weight[k] + bias[k]);
    }
    kernels.norm(GAVEL_NORM_RMS, rms.data(), n, weight.data(), nullptr, 1e-12f);
    kernels.norm(GAVEL_NORM_LAYER, layer.data(), n, weight.data(), bias.data(), 1e-12f);
    check_bits(table.name + " rms of +-4", rms.data(), rms_expected.data(), n, 0);
    check_bits(table.name + " layer of 6 +- 2", layer.data(), layer_expected.data(), n, 0);
  }
}

void test_edges(const Table &table) {
  const Kernels &kernels = *table.kernels;
  const std::vector<float> zeros(100, 0.0f), ones(100, 1.0f), expected(100, 512.0f);
  // An all-zero row: only epsilon is left, 2^-18, and the scale is 512.
  for (int32_t norm : {GAVEL_NORM_RMS, GAVEL_NORM_LAYER}) {
    std::vector<float> y = zeros, dx(100, kNan), dweight(100, 2.0f), dbias(100, 3.0f);
    kernels.norm(norm, y.data(), 100, ones.data(), nullptr, 0x1p-18f);
    check_bits(table.name + " norm of zeros", y.data(), zeros.data(), 100, 0);
    kernels.norm_gradient(norm, zeros.data(), ones.data(), 0x1p-18f, ones.data(), 100, dx.data(), dweight.data(), dbias.data());
    check_bits(table.name + " gradient of the norm of zeros", dx.data(),
               norm == GAVEL_NORM_RMS ? expected.data() : zeros.data(), 100, 0);
    check_bits(table.name + " dweight is added to", dweight.data(), std::vector<float>(100, 2.0f).data(), 100, 0);
    check_bits(table.name + " dbias is added to", dbias.data(), std::vector<float>(100, 4.0f).data(), 100, 0);
  }
  // A layer norm of one element is its bias, and passes no gradient on.
  float one = 5, dx = kNan;
  const float weight = 2, bias = 3, dy = 7;
  kernels.norm_gradient(GAVEL_NORM_LAYER, &one, &weight, 1e-5f, &dy, 1, &dx, nullptr, nullptr);
  kernels.norm(GAVEL_NORM_LAYER, &one, 1, &weight, &bias, 1e-5f);
  CHECK(same_bits(one, 3) && same_bits(dx, 0), "%s: one element gives %g, gradient %g", table.name.c_str(), one, dx);
  // NaN and infinity take the whole row with them, as every element is divided by their root mean square.
  for (float bad : {kNan, kInfinity}) {
    std::vector<float> y = ones;
    y[37] = bad;
    kernels.norm(GAVEL_NORM_LAYER, y.data(), 100, ones.data(), nullptr, 1e-5f);
    for (float v : y) CHECK(std::isnan(v), "%s: a row with %g gives %g", table.name.c_str(), bad, v);
  }
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  test_reference(false);
  test_reference(true);
  gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    for (int64_t n : kLengths) {
      if (n == 0) continue;
      const uint64_t seed = static_cast<uint64_t>(6000 + n);
      test_against_float64(table, make_case(false, n, 0.5, seed), seed);
      test_against_float64(table, make_case(true, n, 0.5, seed), seed);
      // A mean far from 0, where the difference of two sums of squares would lose everything.
      if (n > 1) test_against_float64(table, make_case(true, n, 50, seed), seed);
    }
    test_exact(table);
    test_edges(table);
  }
  std::fprintf(stderr, "norm of the error, relative: y %.2g, dx %.2g\n", worst_y, worst_dx);
  return finish();
}
