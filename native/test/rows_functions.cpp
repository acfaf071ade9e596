// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// exponential, tanh, erf and sigmoid of functions.inl, compiled here over the scalar wrapper: at most 2 ULP from float64 at every f16
// and bf16 value and at random floats. rows_bitwise.cpp shows that every table gives the same bits.
#include "check.h"
#include "cpu/vector_scalar.h"
#include "rows.h"

namespace gavel::scalar {
namespace {
#include "common/functions.inl"
}  // namespace
}  // namespace gavel::scalar

namespace gavel::test {
namespace {

using scalar::Vector;

struct Function {
  const char *name;
  Vector (*run)(const Vector &);
  double (*exact)(double);
  float low, high;  // where it is neither 0 nor constant nor infinite, for the random sweep
  float worst;      // the worst input of all floats; sigmoid: that of the plain formula, 2.5 ULP
};

const Function kFunctions[] = {{"exponential", [](const Vector &x) { return scalar::exponential(x); },
                                [](double x) { return std::exp(x); }, -90, 89, 0x1.4e8e1ep+2f},
                               {"exponential_minus_1", [](const Vector &x) { return scalar::exponential_minus_1(x); },
                                [](double x) { return std::expm1(std::fmin(x, 0)); }, -20, 0, -0x1.63bb62p-2f},
                               {"tanh", [](const Vector &x) { return scalar::hyperbolic_tangent(x); },
                                [](double x) { return std::tanh(x); }, -10, 10, 0x1.41b1cap-1f},
                               {"erf", [](const Vector &x) { return scalar::error_function(x); },
                                [](double x) { return std::erf(x); }, -4, 4, 0x1.115538p+0f},
                               {"sigmoid", [](const Vector &x) { return scalar::logistic(x); },
                                [](double x) { return 1 / (1 + std::exp(-x)); }, -90, 20, -0x1.0a2bd8p+4f}};

// Error in ULP; a result below 2^-126 has to be flushed, one just above may be.
double error(float actual, double exact) {
  if (std::isnan(exact) || std::isinf(exact))
    return std::isnan(actual) == std::isnan(exact) && !(actual != exact && exact == exact) ? 0 : INFINITY;
  if (std::fabs(exact) >= 0x1.ffffffp127) return std::isinf(actual) ? 0 : INFINITY;  // rounds to infinity
  if (std::fabs(exact) < 0x1.000004p-126 && actual == 0) return 0;
  return std::fabs(actual - exact) / ulp(exact);
}

// Checks 16 inputs a time; inputs are what the kernel sees, so denormals count as zero.
void test(const Function &function, const std::vector<float> &inputs, const char *what, uint64_t seed) {
  double worst = 0;
  float worst_at = 0, worst_result = 0;
  for (size_t i = 0; i < inputs.size(); i += 16) {
    const int64_t n = std::min<int64_t>(16, static_cast<int64_t>(inputs.size() - i));
    const Vector results = function.run(scalar::load_partial(&inputs[i], n));
    for (int64_t k = 0; k < n; ++k) {
      const float x = inputs[i + k];
      const double exact = std::isnan(x) ? kNan : function.exact(std::fabs(x) < 0x1p-126f ? std::copysign(0.0, x) : x);
      const double e = error(results.lane[k], exact);
      if (e > worst) worst = e, worst_at = x, worst_result = results.lane[k];
    }
  }
  std::fprintf(stderr, "%s, %s: worst %.3f ULP at %a\n", function.name, what, worst, worst_at);
  CHECK(worst <= 2, "%s at %a (%g) = %.9g, exact %.17g, %.3g ULP, seed %llu", function.name, worst_at, worst_at, worst_result,
        function.exact(worst_at), worst, static_cast<unsigned long long>(seed));
}

void test_limits() {
  const struct {
    int function;
    float in, out;
  } limits[] = {
      {0, -kInfinity, 0.0f}, {0, kInfinity, kInfinity}, {0, -88.0f, 0.0f},    {0, 88.75f, kInfinity}, {0, 0.0f, 1},
      {0, -0.0f, 1},         {1, -kInfinity, -1},       {1, -40, -1},         {1, 0.0f, 0.0f},        {2, -kInfinity, -1},
      {2, kInfinity, 1},     {2, -0.0f, -0.0f},         {2, 0.0f, 0.0f},      {2, 1e30f, 1},          {3, -kInfinity, -1},
      {3, kInfinity, 1},     {3, -0.0f, -0.0f},         {3, 0x1p-130f, 0.0f}, {3, -1e30f, -1},        {4, -kInfinity, 0.0f},
      {4, kInfinity, 1},     {4, 0.0f, 0.5f},           {4, -1e30f, 0.0f},    {4, 1e30f, 1}};
  for (const auto &limit : limits) {
    const float actual = kFunctions[limit.function].run(scalar::set(limit.in)).lane[0];
    CHECK(same_bits(actual, limit.out), "%s(%g) = %a, expected %a", kFunctions[limit.function].name, limit.in, actual,
          limit.out);
  }
  for (const Function &function : kFunctions) {
    CHECK(std::isnan(function.run(scalar::set(kNan)).lane[5]), "%s(NaN) is a number", function.name);
  }
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  gavel::FlushDenormals flush;
  constexpr uint64_t kSeed = 21;
  for (const Function &function : kFunctions) {
    for (int32_t dtype : {GAVEL_F16, GAVEL_BF16}) {
      std::vector<float> all;
      for (int i = 0; i < 65536; ++i) all.push_back(float_of(dtype, static_cast<uint16_t>(i)));
      test(function, all, dtype == GAVEL_F16 ? "all f16" : "all bf16", 0);
    }
    Random random(kSeed);
    std::vector<float> sweep = {function.worst};
    for (int i = 0; i < 1000000; ++i) sweep.push_back(static_cast<float>(random.uniform(function.low, function.high)));
    test(function, sweep, "uniform", kSeed);
    test(function, row(random, 200000, Data::BITS), "random bits", kSeed);
  }
  test_limits();
  return finish();
}
