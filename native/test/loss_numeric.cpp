// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The functions of numeric.h against 80-bit long double: every bf16 and every f16 input, and a stride through all floats. Then the
// order of PairwiseSum.
#include "common/numeric.h"

#include <bit>
#include <cmath>
#include <vector>

#include "api_fixture.h"
#include "common/pairwise_sum.h"

using namespace gavel;
using namespace gavel::test;

namespace {

struct Function {
  const char *name;
  float (*ours)(float);
  long double (*exact)(long double);
  double most;  // as numeric.h says
};

const Function kFunctions[] = {
    {"exponential", [](float x) { return exponential(x); }, [](long double x) { return std::exp(x); }, 0.88},
    {"natural_log", [](float x) { return natural_log(x); }, [](long double x) { return std::log(x); }, 0.88},
    {"log_one_plus", [](float x) { return log_one_plus(x); }, [](long double x) { return std::log1p(x); }, 1.20},
    {"log_one_plus from 0", [](float x) { return log_one_plus(x > 0 ? x : 0); },
     [](long double x) { return std::log1p(std::fmax(x, 0.0L)); }, 0.89},
    {"logistic", [](float x) { return logistic_terms(x).logistic; }, [](long double x) { return 1 / (1 + std::exp(-x)); },
     1.97},
    {"softplus", [](float x) { return logistic_terms(x).softplus; },
     [](long double x) { return std::fmax(x, 0.0L) + std::log1p(std::exp(-std::fabs(x))); }, 1.71},
};

// Error in units of the last place of the exact value; infinite where the kind of number is wrong.
double ulps(float ours, long double exact) {
  if (std::isnan(exact)) return std::isnan(ours) ? 0 : INFINITY;
  if (std::fabs(exact) < 0x1p-126L) return std::fabs(ours) <= 0x1p-126f ? 0 : INFINITY;
  const float nearest = static_cast<float>(exact);
  if (std::isinf(nearest) || std::isinf(ours)) {
    // The last float and infinity are one step apart.
    return nearest == ours || std::fabs(std::fmin(std::fabs(nearest), std::fabs(ours))) >= 0x1.fffffep+127f ? 0 : INFINITY;
  }
  int exponent;
  std::frexp(nearest, &exponent);
  return static_cast<double>(std::fabs(static_cast<long double>(ours) - exact)) / std::ldexp(1.0, exponent - 24);
}

void check_function(const Function &function, const std::vector<float> &inputs, const char *set) {
  double worst = 0;
  float where = 0;
  for (const float x : inputs) {
    if (std::isnan(x) || (x != 0 && std::fabs(x) < 0x1p-126f)) continue;
    const double error = ulps(function.ours(x), function.exact(static_cast<long double>(x)));
    if (error > worst) worst = error, where = x;
  }
  CHECK(worst <= function.most, "%s over %s: %.3f ULP at %a, which gives %a; allowed are %.2f", function.name, set, worst,
        static_cast<double>(where), static_cast<double>(function.ours(where)), function.most);
  std::printf("%-13s %-9s %.3f ULP\n", function.name, set, worst);
}

void check_edges() {
  const float inf = kInfinity, nan = inf - inf;
  const struct {
    const char *what;
    float actual, expected;
  } edges[] = {
      {"exp(-inf)", exponential(-inf), 0},
      {"exp(inf)", exponential(inf), inf},
      {"exp(0)", exponential(0), 1},
      {"exp(-0)", exponential(-0.0f), 1},
      {"exp(nan)", exponential(nan), nan},
      {"exp below the smallest float", exponential(-87.4f), 0},
      {"log(0)", natural_log(0), -inf},
      {"log(-1)", natural_log(-1), nan},
      {"log(1)", natural_log(1), 0},
      {"log(inf)", natural_log(inf), inf},
      {"log of a denormal", natural_log(0x1p-130f), -inf},
      {"log1p(-1)", log_one_plus(-1), -inf},
      {"log1p(-2)", log_one_plus(-2), nan},
      {"log1p(inf)", log_one_plus(inf), inf},
      {"log1p(2^-40)", log_one_plus(0x1p-40f), 0x1p-40f},
      {"logistic(0)", logistic_terms(0).logistic, 0.5f},
      {"logistic(-1e4)", logistic_terms(-1e4f).logistic, 0},
      {"logistic(1e4)", logistic_terms(1e4f).logistic, 1},
      {"logistic(nan)", logistic_terms(nan).logistic, nan},
      {"softplus(1e4)", logistic_terms(1e4f).softplus, 1e4f},
      {"softplus(-1e4)", logistic_terms(-1e4f).softplus, 0},
      {"softplus(inf)", logistic_terms(inf).softplus, inf},
      {"softplus(-inf)", logistic_terms(-inf).softplus, 0},
      {"softplus(nan)", logistic_terms(nan).softplus, nan},
  };
  // The terms at -x are those at x, exchanged.
  for (const float x : {-1e4f, -20.0f, -1.5f, -0.0f, 0.0f, 0.25f, 3.0f, 1e4f, inf, nan}) {
    const LogisticTerms at = logistic_terms(x), minus = logistic_terms(-x);
    CHECK(same_bits(at.softplus, minus.softplus_of_minus) && same_bits(at.softplus_of_minus, minus.softplus) &&
              same_bits(at.logistic, minus.logistic_of_minus) && same_bits(at.logistic_of_minus, minus.logistic),
          "logistic terms at %g", static_cast<double>(x));
  }
  for (const auto &edge : edges) {
    CHECK(same_bits(edge.actual, edge.expected), "%s is %a, expected %a", edge.what, static_cast<double>(edge.actual),
          static_cast<double>(edge.expected));
  }
}

// What is written for a part of the numbers alone has the bits of what takes them all.
void check_shortcuts(const std::vector<float> &inputs) {
  for (const float x : inputs) {
    const float below = -std::fabs(x);
    CHECK(same_bits(one_lane::unfused_exponential_below_0(below), exponential(below)), "the exponential of %a",
          static_cast<double>(below));
    if (!(std::fabs(x) <= 1)) continue;
    const auto all = one_lane::one_plus(std::fabs(x)), some = one_lane::one_plus_up_to_1(std::fabs(x));
    CHECK(same_bits(all.sum, some.sum) && same_bits(all.inverse, some.inverse) && same_bits(all.lost, some.lost), "1 + %a",
          static_cast<double>(std::fabs(x)));
    CHECK(same_bits(one_lane::log_of_product(all.sum, all.lost), one_lane::log_of_product_from_1_to_2(all.sum, all.lost)),
          "the logarithm of 1 + %a", static_cast<double>(std::fabs(x)));
  }
}

// The tree written as a recursion over the next power of two.
float tree(const std::vector<float> &terms, size_t begin, size_t size) {
  if (begin >= terms.size()) return 0;
  if (size == 1) return terms[begin];
  return tree(terms, begin, size / 2) + tree(terms, begin + size / 2, size / 2);
}

void check_sums() {
  Random random(11);
  for (const size_t n : {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000, 4097}) {
    std::vector<float> terms = random_values(random, GAVEL_F32, static_cast<int64_t>(n), 100);
    PairwiseSum sum;
    for (const float term : terms) sum.add(term);
    const float expected = tree(terms, 0, std::bit_ceil(std::max<size_t>(n, 1)));
    CHECK(same_bits(sum.total(), expected), "%zu terms: %a, expected %a", n, static_cast<double>(sum.total()),
          static_cast<double>(expected));
  }
  // What a running sum gets wrong by 1e-5: the loss of a head that knows nothing yet, many times over.
  PairwiseSum sum;
  for (int k = 0; k < 100000; ++k) sum.add(logistic_terms(0).softplus);
  const double exact = 100000.0 * static_cast<double>(logistic_terms(0).softplus);
  CHECK(std::fabs(static_cast<double>(sum.total()) - exact) <= 17 * 0x1p-24 * exact, "%.9g, expected %.9g",
        static_cast<double>(sum.total()), exact);
}

}  // namespace

int main() {
  std::vector<float> bf16, f16, f32;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    bf16.push_back(float_of(bits << 16));
    // A half is a sign, 5 bits of exponent and 10 of fraction.
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(bits & 1023), -24)
                                          : std::ldexp(static_cast<float>(1024 + (bits & 1023)), exponent - 25);
    if (exponent != 31) f16.push_back(bits >> 15 ? -magnitude : magnitude);
  }
  // A stride with no common factor with 2^32 visits every exponent and all kinds of fractions.
  for (uint32_t k = 0; k < 2000000; ++k) f32.push_back(float_of(k * 2654435769u));
  for (const Function &function : kFunctions) {
    check_function(function, bf16, "all bf16");
    check_function(function, f16, "all f16");
    check_function(function, f32, "f32");
  }
  for (const std::vector<float> &inputs : {bf16, f16, f32}) check_shortcuts(inputs);
  check_edges();
  check_sums();
  return finish();
}
