// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Activations, their derivatives and sigmoid, of every table, at the points where formulas go wrong: 0, infinities, NaN, numbers whose
// exponential overflows, denormals. Expected values are torch's (torch 2, CPU), except where finite inputs make torch's f32 formula give
// NaN and the limit is finite.
#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

constexpr float kSlope = 0.25f;
constexpr float kSeluScale = 1.0507009873554805f, kSeluScaleAlpha = 1.7580993408473766f;
constexpr float kMax = 3.0e38f;

struct Edge {
  int32_t activation;
  float in, value, derivative;
};

constexpr int32_t kRelu = GAVEL_ACTIVATION_RELU, kLeaky = GAVEL_ACTIVATION_LEAKY_RELU, kPrelu = GAVEL_ACTIVATION_PRELU,
                  kTanh = GAVEL_ACTIVATION_TANH, kGelu = GAVEL_ACTIVATION_GELU, kGeluTanh = GAVEL_ACTIVATION_GELU_TANH,
                  kSelu = GAVEL_ACTIVATION_SELU, kSilu = GAVEL_ACTIVATION_SILU;

constexpr Edge kEdgeValues[] = {
    // The derivative at 0 of relu is 0, of the leaky ones the slope, of selu scale alpha, of the smooth ones the true one.
    {kRelu, 0.0f, 0.0f, 0.0f},
    {kRelu, -0.0f, 0.0f, 0.0f},
    {kLeaky, 0.0f, 0.0f, kSlope},
    {kPrelu, 0.0f, 0.0f, kSlope},
    {kLeaky, -0.0f, -0.0f, kSlope},
    {kPrelu, -0.0f, -0.0f, kSlope},
    {kTanh, 0.0f, 0.0f, 1},
    {kTanh, -0.0f, -0.0f, 1},
    {kGelu, 0.0f, 0.0f, 0.5f},
    {kGeluTanh, 0.0f, 0.0f, 0.5f},
    {kSelu, 0.0f, 0.0f, kSeluScaleAlpha},
    {kSilu, 0.0f, 0.0f, 0.5f},
    // NaN stays; the derivative of the piecewise ones is one of their two slopes, the one torch's comparison picks.
    {kRelu, kNan, kNan, 1},
    {kLeaky, kNan, kNan, kSlope},
    {kPrelu, kNan, kNan, kSlope},
    {kTanh, kNan, kNan, kNan},
    {kGelu, kNan, kNan, kNan},
    {kGeluTanh, kNan, kNan, kNan},
    {kSelu, kNan, kNan, kSeluScale},
    {kSilu, kNan, kNan, kNan},
    // Infinities. -infinity times 0 is NaN, as in torch: nothing that is not finite is hidden by gelu, gelu_tanh, silu.
    {kRelu, kInfinity, kInfinity, 1},
    {kRelu, -kInfinity, 0.0f, 0.0f},
    {kLeaky, kInfinity, kInfinity, 1},
    {kLeaky, -kInfinity, -kInfinity, kSlope},
    {kTanh, kInfinity, 1, 0.0f},
    {kTanh, -kInfinity, -1, 0.0f},
    {kGelu, kInfinity, kInfinity, kNan},
    {kGelu, -kInfinity, kNan, kNan},
    {kGeluTanh, kInfinity, kInfinity, 1},
    {kGeluTanh, -kInfinity, kNan, 0.0f},
    {kSelu, kInfinity, kInfinity, kSeluScale},
    {kSelu, -kInfinity, -kSeluScaleAlpha, 0.0f},
    {kSilu, kInfinity, kInfinity, kNan},
    {kSilu, -kInfinity, kNan, kNan},
    // Finite inputs give finite results, however large.
    {kTanh, kMax, 1, 0.0f},
    {kTanh, -kMax, -1, 0.0f},
    {kGelu, kMax, kMax, 1},
    {kGelu, -kMax, -0.0f, 0.0f},
    {kGeluTanh, kMax, kMax, 1},
    {kGeluTanh, -kMax, -0.0f, 0.0f},
    {kSelu, -kMax, -kSeluScaleAlpha, 0.0f},
    {kSilu, kMax, kMax, 1},
    {kSilu, -kMax, -0.0f, -0.0f},
    {kSilu, -100, -0.0f, -0.0f},
    // Denormals are zero.
    {kRelu, 0x1p-130f, 0.0f, 0.0f},
    {kLeaky, 0x1p-130f, 0.0f, kSlope},
    {kTanh, 0x1p-130f, 0.0f, 1},
    {kSilu, 0x1p-130f, 0.0f, 0.5f}};

void test_edges(const Table &table) {
  for (const Edge &edge : kEdgeValues) {
    const float slopes[3] = {kSlope, kSlope, kSlope};
    float y[3] = {1, edge.in, 1}, d[3] = {1, 1, 1};
    const float in[3] = {1, edge.in, 1};
    table.kernels->activate(edge.activation, slopes, y, 3);
    table.kernels->activate_gradient(edge.activation, slopes, in, d, 3);
    CHECK(same_bits(y[1], edge.value), "%s: activation %d of %g is %a, expected %a", table.name.c_str(), edge.activation,
          edge.in, y[1], edge.value);
    CHECK(same_bits(d[1], edge.derivative), "%s: activation %d' of %g is %a, expected %a", table.name.c_str(), edge.activation,
          edge.in, d[1], edge.derivative);
    CHECK(std::isfinite(y[0]) && same_bits(y[0], y[2]) && same_bits(d[0], d[2]),
          "%s: activation %d of %g changed its neighbours", table.name.c_str(), edge.activation, edge.in);
  }
}

void test_sigmoid(const Table &table) {
  const float in[] = {-kInfinity, -kMax, -100, -0.0f, 0.0f, 0x1p-130f, 20, kMax, kInfinity, kNan};
  const float expected[] = {0.0f, 0.0f, 0.0f, 0.5f, 0.5f, 0.5f, 1, 1, 1, kNan};
  float out[10];
  table.kernels->sigmoid(in, out, 10);
  check_bits(table.name + " sigmoid", out, expected, 10, 0);
}

// prelu reads a slope per element, leaky_relu the first alone.
void test_slopes(const Table &table) {
  constexpr int64_t kN = 37;
  Random random(41);
  const std::vector<float> x = row(random, kN), slopes = row(random, kN);
  std::vector<float> y = x, d(kN, 1.0f), expected, expected_d, leaky = x, expected_leaky;
  for (int64_t i = 0; i < kN; ++i) {
    expected.push_back(x[i] > 0 ? x[i] : slopes[i] * x[i]);
    expected_d.push_back(x[i] > 0 ? 1 : slopes[i]);
    expected_leaky.push_back(x[i] > 0 ? x[i] : kSlope * x[i]);
  }
  table.kernels->activate(kPrelu, slopes.data(), y.data(), kN);
  table.kernels->activate_gradient(kPrelu, slopes.data(), x.data(), d.data(), kN);
  table.kernels->activate(kLeaky, &kSlope, leaky.data(), kN);
  check_bits(table.name + " prelu with slopes", y.data(), expected.data(), kN, 41);
  check_bits(table.name + " prelu' with slopes", d.data(), expected_d.data(), kN, 41);
  check_bits(table.name + " leaky_relu", leaky.data(), expected_leaky.data(), kN, 41);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    test_edges(table);
    test_sigmoid(table);
    test_slopes(table);
  }
  return finish();
}
