// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Activations and their derivatives, of every table, against float64 at every f16 and bf16 value and at random floats, each within a
// bound computed from its formula. The float64 derivatives are checked by finite differences. Edges: rows_activation_edges.cpp.
#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

constexpr double kU = 0x1p-24;
constexpr double kTiny = 0x1p-118;  // silu and its kin flush e^x from x = -88 on, then times x; everything else flushes less
constexpr double kSeluScale = 1.0507009873554805, kSeluScaleAlpha = 1.7580993408473766;
constexpr float kSlope = 0.01f;

struct Value {
  double exact, bound;
};

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double density(double x) {
  return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
}
double distribution(double x) {
  return 0.5 * std::erfc(-x * M_SQRT1_2);
}
double gelu_2u(double x) {
  return 2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
}

// Errors of parts of activations.inl, each rounding at most kU relative. One ULP is at most 2 kU; exponential is within 1 ULP and
// error_function within 1.5 (rows_functions.cpp).

// Of 0.5 (1 + erf(x / sqrt 2)): erf's argument carries 2 kU; from 3.92 on erf is 1.
double distribution_error(double x) {
  const double t = std::fabs(x) * M_SQRT1_2;
  const double function = std::fabs(x) > 5.7 ? std::erfc(t) : 3 * kU * std::erf(t);
  return 0.5 * (kU * 4 * std::fabs(x) * density(x) + function + kU * 2 * distribution(x));
}
// Relative, of s = 1 / (1 + e^-z) where z carries `units` kU. Where e^-z is below 2^-25, s is 1.
double sigmoid_error(double z, double units) {
  const double r = sigmoid(-z);
  return (r < 0x1p-25 ? r : 4 * kU) + r * units * std::fabs(z) * kU;
}

Value leaky(double x) {
  return {x > 0 ? x : kSlope * x, kU * std::fabs(kSlope * x) + 0x1p-126};
}
Value leaky_derivative(double x) {
  return {x > 0 ? 1 : kSlope, 0};
}

Value tanh_value(double x) {
  return {std::tanh(x), 1.5 * ulp(std::tanh(x))};
}
// 4 e / (1 + e)^2: 2 for e, 2 for 1 + e and so 5 for its square, 1 for the quotient.
Value tanh_derivative(double x) {
  const double e = std::exp(-2 * std::fabs(x)), y = 4 * e / ((1 + e) * (1 + e));
  return {y, 8 * kU * y + kTiny};
}

Value gelu(double x) {
  const double y = x * distribution(x);
  return {y, std::fabs(x) * distribution_error(x) + kU * std::fabs(y) + kTiny};
}
// The argument of e^(-x^2 / 2) carries 1 kU.
Value gelu_derivative(double x) {
  const double second = x * density(x), y = distribution(x) + second;
  return {y, distribution_error(x) + kU * (std::fabs(second) * (x * x / 2 + 4) + std::fabs(y)) + kTiny};
}

// 2u carries 5 kU.
Value gelu_tanh(double x) {
  const double y = x * sigmoid(gelu_2u(x));
  return {y, std::fabs(y) * (sigmoid_error(gelu_2u(x), 5) + kU) + kTiny};
}
// s + p s r with p = x 2u' and r = 1 - s, which is off by what s is.
Value gelu_tanh_derivative(double x) {
  const double z = gelu_2u(x), s = sigmoid(z), r = sigmoid(-z), error = sigmoid_error(z, 5);
  const double p = x * 2 * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x), y = s + p * s * r;
  const double product = s * (s * error + kU * r) + s * r * (error + kU);
  return {y, s * error + std::fabs(p) * (product + 4 * kU * s * r) + kU * std::fabs(y) + kTiny};
}

Value selu(double x) {
  const double y = x > 0 ? kSeluScale * x : kSeluScaleAlpha * std::expm1(x);
  return {y, 5 * kU * std::fabs(y) + kTiny};
}
Value selu_derivative(double x) {
  const double y = x > 0 ? kSeluScale : kSeluScaleAlpha * std::exp(x);
  return {y, 5 * kU * y + kTiny};
}

Value silu(double x) {
  const double y = x * sigmoid(x);
  return {y, 4 * kU * std::fabs(y) + kTiny};
}
Value silu_derivative(double x) {
  const double s = sigmoid(x), r = sigmoid(-x), error = sigmoid_error(x, 0), factor = 1 + x * r;
  return {s * factor, s * (std::fabs(factor) * (error + 2 * kU) + std::fabs(x) * (s * error + kU * r)) + kTiny};
}

struct Activation {
  const char *name;
  int32_t id;
  Value (*value)(double);
  Value (*derivative)(double);
};

const Activation kActivations[] = {{"identity", GAVEL_ACTIVATION_IDENTITY,
                                    [](double x) {
                                      return Value{x, 0};
                                    },
                                    [](double) {
                                      return Value{1, 0};
                                    }},
                                   {"relu", GAVEL_ACTIVATION_RELU,
                                    [](double x) {
                                      return Value{std::fmax(x, 0), 0};
                                    },
                                    [](double x) {
                                      return Value{x > 0 ? 1.0 : 0, 0};
                                    }},
                                   {"leaky_relu", GAVEL_ACTIVATION_LEAKY_RELU, leaky, leaky_derivative},
                                   {"prelu", GAVEL_ACTIVATION_PRELU, leaky, leaky_derivative},
                                   {"tanh", GAVEL_ACTIVATION_TANH, tanh_value, tanh_derivative},
                                   {"gelu", GAVEL_ACTIVATION_GELU, gelu, gelu_derivative},
                                   {"gelu_tanh", GAVEL_ACTIVATION_GELU_TANH, gelu_tanh, gelu_tanh_derivative},
                                   {"selu", GAVEL_ACTIVATION_SELU, selu, selu_derivative},
                                   {"silu", GAVEL_ACTIVATION_SILU, silu, silu_derivative}};

// Finite numbers that are not denormal: every one f16 and bf16 have, and random ones.
std::vector<float> inputs(uint64_t seed) {
  std::vector<float> all;
  for (int i = 0; i < 65536; ++i) {
    all.push_back(float_of(GAVEL_F16, static_cast<uint16_t>(i)));
    all.push_back(float_of(GAVEL_BF16, static_cast<uint16_t>(i)));
  }
  Random random(seed);
  for (int i = 0; i < 100000; ++i) all.push_back(static_cast<float>(random.uniform(-20, 20)));
  for (int i = 0; i < 20000; ++i) all.push_back(static_cast<float>(random.uniform(-110, 110)));
  std::erase_if(all, [](float x) { return !std::isfinite(x) || (x != 0 && std::fabs(x) < 0x1p-126f); });
  return all;
}

void test_derivative(const Activation &activation) {
  for (double x = -9.95; x < 10; x += 0.1) {
    const double slope = (activation.value(x + 1e-5).exact - activation.value(x - 1e-5).exact) / 2e-5;
    const double derivative = activation.derivative(x).exact;
    CHECK(std::fabs(slope - derivative) <= 1e-7 * std::fmax(1, std::fabs(slope)), "%s'(%g) = %.12g, differences %.12g",
          activation.name, x, derivative, slope);
  }
}

void test(const Activation &activation, const std::vector<Table> &tables, const std::vector<float> &x, uint64_t seed) {
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<double> value, value_bound, derivative, derivative_bound;
  for (float element : x) {
    const Value v = activation.value(element), d = activation.derivative(element);
    value.push_back(std::fabs(v.exact) < 0x1.ffffffp127 ? v.exact : std::copysign(kInfinity, v.exact));  // as a float rounds
    value_bound.push_back(v.bound);
    derivative.push_back(d.exact);
    derivative_bound.push_back(d.bound);
  }
  const std::vector<float> slopes(x.size(), kSlope);
  std::vector<float> first_y, first_d;
  for (const Table &table : tables) {
    const std::string what = table.name + " " + activation.name;
    std::vector<float> y = x, d(x.size(), 1.0f), minus_two(x.size(), -2.0f);
    table.kernels->activate(activation.id, slopes.data(), y.data(), n);
    table.kernels->activate_gradient(activation.id, slopes.data(), x.data(), d.data(), n);
    table.kernels->activate_gradient(activation.id, slopes.data(), x.data(), minus_two.data(), n);
    int64_t unlike = 0;
    for (int64_t i = 0; i < n; ++i) unlike += minus_two[i] != -2 * d[i];
    check_equal(what + " gradients that are not d times the derivative", unlike, 0);
    if (first_y.empty()) {
      const double worst = check_bound(what, y.data(), value.data(), value_bound.data(), n, seed);
      const double worst_d = check_bound(what + "'", d.data(), derivative.data(), derivative_bound.data(), n, seed);
      std::fprintf(stderr, "%s: %.2f of the bound, derivative %.2f\n", activation.name, worst, worst_d);
      first_y = y;
      first_d = d;
    } else {
      check_bits(what, y.data(), first_y.data(), n, seed);
      check_bits(what + "'", d.data(), first_d.data(), n, seed);
    }
  }
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  constexpr uint64_t kSeed = 31;
  const std::vector<float> x = inputs(kSeed);
  const std::vector<Table> tables = row_tables();
  for (const Activation &activation : kActivations) test_derivative(activation);
  gavel::FlushDenormals flush;
  for (const Activation &activation : kActivations) test(activation, tables, x, kSeed);
  return finish();
}
