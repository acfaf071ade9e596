// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// One item of every readout that is not elementwise: values and gradients against float64 with computed bounds, the float64 gradients
// against central differences, identities, and the edges.
#include <cmath>
#include <cstring>

#include "check.h"
#include "cpu/kernels.h"
#include "readout_reference.h"
#include "readout_rows.h"

using namespace gavel;
using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 90210;

template <typename T>
Row<T> as(const std::vector<float> &values) {
  return widened<T>(values);
}

void check_values(const std::string &what, const std::vector<float> &actual, const Row<Bounded> &expected, uint64_t seed,
                  double &worst) {
  check_equal(what + ": length", static_cast<int64_t>(actual.size()), static_cast<int64_t>(expected.size()));
  std::vector<double> values, bounds;
  for (const Bounded &number : expected) values.push_back(number.value), bounds.push_back(number.error);
  worst = std::fmax(worst,
                    check_bound(what, actual.data(), values.data(), bounds.data(), static_cast<int64_t>(actual.size()), seed));
}

void test_bounds() {
  double scores = 0, gradients = 0;
  for (uint64_t seed = kSeed; seed < kSeed + 4000; ++seed) {
    Random random(seed);
    const ReadoutConfig config = any_readout(random);
    const ReadoutReference<Bounded> reference(config);
    // From nearly equal logits to nearly certain ones.
    const double spread = std::exp(random.uniform(-3, 3.5));
    const auto z = normal_values(random, config.logits(), spread), g = normal_values(random, config.gate_outputs(), spread);
    const auto d = normal_values(random, config.scores());
    const ItemRow item(config);
    check_values("score", item.scores(z, g), reference.scores(as<Bounded>(z), as<Bounded>(g)), seed, scores);
    const ItemGradient actual = item.gradient(z, g, d);
    const auto expected = reference.gradient(as<Bounded>(z), as<Bounded>(g), as<Bounded>(d));
    check_values("dlogits", actual.logits, expected.logits, seed, gradients);
    check_values("dgate", actual.gate, expected.gate, seed, gradients);
    if (config.scale != 0) check_values("dscale", {actual.scale}, {expected.scale}, seed, gradients);
  }
  std::printf("largest errors: %.2f (scores), %.2f (gradients) of their bounds\n", scores, gradients);
}

// sum of d times the scores, moved along one number.
double moved(const ReadoutReference<double> &reference, Row<double> z, Row<double> g, const Row<double> &d, bool gate, size_t k,
             double step) {
  (gate ? g : z)[k] += step;
  const Row<double> scores = reference.scores(z, g);
  double sum = 0;
  for (size_t s = 0; s < d.size(); ++s) sum += d[s] * scores[s];
  return sum;
}

void test_differences() {
  constexpr double kStep = 1e-5;
  double worst = 0;
  for (uint64_t seed = kSeed; seed < kSeed + 300; ++seed) {
    Random random(seed);
    const ReadoutConfig config = any_readout(random);
    const ReadoutReference<double> reference(config);
    const auto z = as<double>(normal_values(random, config.logits())),
               g = as<double>(normal_values(random, config.gate_outputs()));
    const auto d = as<double>(normal_values(random, config.scores()));
    const auto gradient = reference.gradient(z, g, d);
    for (const bool gate : {false, true}) {
      const Row<double> &analytic = gate ? gradient.gate : gradient.logits;
      for (size_t k = 0; k < analytic.size(); ++k) {
        const double difference =
            (moved(reference, z, g, d, gate, k, kStep) - moved(reference, z, g, d, gate, k, -kStep)) / (2 * kStep);
        worst = std::fmax(worst, std::fabs(difference - analytic[k]));
      }
    }
  }
  std::printf("float64 gradients are within %.2g of central differences\n", worst);
  CHECK(worst <= 2e-8, "%g", worst);
}

// Two classes: the probability is the logistic of the difference. 2 ULP is what numeric.h promises of its functions.
void test_two_classes() {
  Random random(kSeed);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<float> z = normal_values(random, 2, 4);
    for (float &logit : z) logit = std::round(logit * 1024) / 1024;  // So that their difference is exact.
    const ReadoutConfig config{.readout = GAVEL_READOUT_CLASS_PROB, .outputs = 2, .width = 2, .class_index = 1};
    const double expected = 1 / (1 + std::exp(static_cast<double>(z[0]) - static_cast<double>(z[1])));
    const double actual = ItemRow(config).scores(z, {})[0];
    CHECK(std::fabs(actual - expected) <= 2 * std::ldexp(1.0, std::ilogb(expected) - 23), "P(1) of %g and %g: %a, exactly %a",
          static_cast<double>(z[0]), static_cast<double>(z[1]), actual, expected);
  }
}

void check_number(const char *what, float actual, float expected) {
  CHECK(actual == expected, "%s: %.9g, expected %g", what, static_cast<double>(actual), static_cast<double>(expected));
}

// T -> infinity leaves scale times the mean, a sure gate one objective or one stream, equal logits the mean of the levels.
void test_limits() {
  const std::vector<float> r = {1, 2, 4, 9};
  ReadoutConfig config{
      .readout = GAVEL_READOUT_GATED_SUM, .outputs = 4, .form = GAVEL_GATE_SOFTMAX, .temperature = 1e30f, .scale = 2};
  check_number("T to infinity", ItemRow(config).scores(r, {3, -1, 0, 2})[0], 8);
  config.temperature = 1;
  check_number("a sure gate", ItemRow(config).scores(r, {0, 0, 1e4f, 0})[0], 8);
  const ReadoutConfig streams{.readout = GAVEL_READOUT_GATED_SUM, .outputs = 1, .form = GAVEL_GATE_TWO_STREAM};
  const std::vector<float> z = {0.3f, -7.7f};
  check_bits("gamma 1", ItemRow(streams).scores(z, {1e4f}).data(), &z[0], 1, kSeed);
  check_bits("gamma 0", ItemRow(streams).scores(z, {-1e4f}).data(), &z[1], 1, kSeed);
  ReadoutConfig levels{.readout = GAVEL_READOUT_EXPECTATION,
                       .outputs = 4,
                       .width = 4,
                       .statistic = GAVEL_EXPECTATION_MEAN,
                       .levels = {1, 2, 3, 4}};
  check_number("mean of equal logits, times 2", 2 * ItemRow(levels).scores({7, 7, 7, 7}, {})[0], 5);
  levels.statistic = GAVEL_EXPECTATION_VARIANCE;
  check_number("variance of equal logits, times 4", 4 * ItemRow(levels).scores({7, 7, 7, 7}, {})[0], 5);
  levels.statistic = GAVEL_EXPECTATION_TOP_LEVEL;
  check_number("the first of equals", 4 * ItemRow(levels).scores({7, 7, 7, 7}, {})[0], 1);
  check_number("a sure level", ItemRow(levels).scores({0, 0, 1e4f, 0}, {})[0], 3);
}

// An infinite logit is certain, and -inf impossible.
void test_infinite() {
  const ReadoutConfig config{.readout = GAVEL_READOUT_CLASS_PROB, .outputs = 3, .width = 3, .class_index = 1};
  check_number("+inf", ItemRow(config).scores({2, HUGE_VALF, 1e30f}, {})[0], 1);
  check_number("beside +inf", ItemRow(config).scores({HUGE_VALF, 7, 1}, {})[0], 0);
  check_number("-inf", ItemRow(config).scores({2, -HUGE_VALF, 1}, {})[0], 0);
  check_number("beside -inf", ItemRow(config).scores({-HUGE_VALF, 3, 3}, {})[0], 0.5f);
}

// Gaps of 1e4 are finite, in scores and gradients; the softmax's gradients add up to nothing.
void test_large_gaps() {
  for (uint64_t seed = kSeed; seed < kSeed + 500; ++seed) {
    Random random(seed);
    const ReadoutConfig config = any_readout(random);
    auto z = normal_values(random, config.logits()), g = normal_values(random, config.gate_outputs());
    for (float &value : z) value = value > 0 ? 1e4f : -1e4f;
    for (float &value : g) value = value > 0 ? 1e4f : -1e4f;
    const auto d = normal_values(random, config.scores());
    const ItemRow item(config);
    const ItemGradient gradient = item.gradient(z, g, d);
    for (const auto &values : {item.scores(z, g), gradient.logits, gradient.gate}) {
      for (const float value : values) CHECK(std::isfinite(value), "seed %" PRIu64 ": %g", seed, static_cast<double>(value));
    }
  }
}

// A NaN reaches every score that is made of it, and no other.
void test_nan() {
  for (uint64_t seed = kSeed; seed < kSeed + 500; ++seed) {
    Random random(seed);
    const ReadoutConfig config = any_readout(random);
    auto z = normal_values(random, config.logits()), g = normal_values(random, config.gate_outputs());
    const bool in_gate = !g.empty() && random.integer(0, 1);
    std::vector<float> &spoiled = in_gate ? g : z;
    const int64_t at = random.integer(0, static_cast<int64_t>(spoiled.size()) - 1);
    const std::vector<float> before = ItemRow(config).scores(z, g);
    spoiled[static_cast<size_t>(at)] = kNan;
    const std::vector<float> after = ItemRow(config).scores(z, g);
    for (size_t s = 0; s < after.size(); ++s) {
      const bool of_it = config.mixes() || at / config.width == static_cast<int64_t>(s);
      CHECK(of_it ? std::isnan(after[s]) : same_bits(after[s], before[s]), "readout %d, seed %" PRIu64 ": %g", config.readout,
            seed, static_cast<double>(after[s]));
    }
  }
}

}  // namespace

int main() {
  const FlushDenormals flush;
  test_bounds();
  test_differences();
  test_two_classes();
  test_limits();
  test_infinite();
  test_large_gaps();
  test_nan();
  return finish();
}
