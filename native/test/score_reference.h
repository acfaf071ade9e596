// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_reference.h: a score in float64 from the formulas of gavel.h, with a bound on how far f32 arithmetic may be from it.
//
// Every quantity is carried with the deviation of its error, and the bound is 4 of them. A sum of n products in f32 adds
// sqrt(n) 2^-24 sum |x w|, and brings along the errors of its terms, taken as independent: sqrt(sum (e w)^2). Functions: their slope
// times the error of the argument, and 4 ULP of their own. Where a value is rounded to 16 bits, its error becomes the step between the two
// results that 4 deviations allow, and 0 where they allow one only.
#ifndef GAVEL_TEST_SCORE_REFERENCE_H
#define GAVEL_TEST_SCORE_REFERENCE_H

#include <cmath>
#include <vector>

#include "api_fixture.h"

namespace gavel::test {

struct Approximate {
  double value = 0;
  double error = 0;  // a deviation
};

constexpr double kUnit = 0x1p-24;
constexpr double kDeviations = 4;

inline Approximate rounded(int32_t dtype, const Approximate &x) {
  if (dtype == GAVEL_F32) return x;
  const double low = round_to(dtype, x.value - kDeviations * x.error);
  const double high = round_to(dtype, x.value + kDeviations * x.error);
  const double value = round_to(dtype, x.value);
  return {value, std::fmax(high - value, value - low)};
}

// sum of x[k] w[k] + bias.
inline Approximate product(const std::vector<Approximate> &x, const float *w, const float *bias) {
  double sum = 0, magnitude = 0, carried = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    const double weight = static_cast<double>(w[k]);
    sum += x[k].value * weight;
    magnitude += std::fabs(x[k].value * weight);
    carried += x[k].error * weight * (x[k].error * weight);
  }
  double error = std::sqrt(carried) + std::sqrt(static_cast<double>(x.size())) * kUnit * magnitude;
  if (bias != nullptr) {
    sum += static_cast<double>(*bias);
    error += kUnit * std::fabs(sum);
  }
  return {sum, error};
}

inline double activation_value(int32_t activation, double a, double slope) {
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return a > 0 ? a : 0;
    case GAVEL_ACTIVATION_LEAKY_RELU:
    case GAVEL_ACTIVATION_PRELU:
      return a >= 0 ? a : slope * a;
    case GAVEL_ACTIVATION_TANH:
      return std::tanh(a);
    case GAVEL_ACTIVATION_GELU:
      return 0.5 * a * std::erfc(-a / std::sqrt(2.0));
    case GAVEL_ACTIVATION_GELU_TANH:
      return 0.5 * a * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (a + 0.044715 * a * a * a)));
    case GAVEL_ACTIVATION_SELU:
      return 1.0507009873554805 * (a > 0 ? a : 1.6732632423543772 * std::expm1(a));
    case GAVEL_ACTIVATION_SILU:
      return a / (1 + std::exp(-a));
    default:
      return a;
  }
}

inline Approximate activated(int32_t activation, const Approximate &a, double slope) {
  const double value = activation_value(activation, a.value, slope);
  if (activation == GAVEL_ACTIVATION_IDENTITY) return {value, a.error};
  // Largest slopes: SELU 1.0507 * 1.6733 = 1.758; SiLU 1.0998; both GELUs below 1.13; tanh, relu 1.
  const double steepest = std::fmax(1.76, std::fabs(slope));
  // 1 + erf and 1 + tanh near -1 cancel: their absolute error is that of a number near 1.
  return {value, steepest * a.error + 4 * kUnit * (std::fabs(value) + std::fabs(a.value))};
}

inline std::vector<Approximate> normed(const gavel_head_spec &spec, const std::vector<Approximate> &x, const float *weight,
                                       const float *bias) {
  const double n = static_cast<double>(x.size());
  double mean = 0, magnitude = 0, error = 0;
  for (const Approximate &v : x) mean += v.value / n, magnitude += std::fabs(v.value) / n, error = std::fmax(error, v.error);
  const bool layer = spec.norm == GAVEL_NORM_LAYER;
  if (!layer) mean = 0;
  const double centering = layer ? error + std::sqrt(n) * kUnit * magnitude : 0;
  double square = 0;
  for (const Approximate &v : x) square += (v.value - mean) * (v.value - mean) / n;
  const double root = std::sqrt(square + static_cast<double>(spec.norm_epsilon));
  // d(1/root)/(1/root) = half of the relative error of the mean square, which is at most twice that of its terms.
  const double relative = std::sqrt(n) * kUnit / 2 + (centering + error) / root + 4 * kUnit;
  std::vector<Approximate> y(x.size());
  for (size_t k = 0; k < x.size(); ++k) {
    const double scaled = (x[k].value - mean) / root * static_cast<double>(weight[k]);
    const double value = scaled + (bias ? static_cast<double>(bias[k]) : 0);
    const double own =
        (x[k].error + centering + kUnit * std::fabs(x[k].value)) / root * std::fabs(static_cast<double>(weight[k]));
    y[k] = {value, own + relative * std::fabs(scaled) + 3 * kUnit * (std::fabs(scaled) + std::fabs(value))};
  }
  return y;
}

inline std::vector<Approximate> pooled(const Batch &batch, int32_t pooling, int32_t combine, int64_t first, int64_t last) {
  const auto row = [&](int64_t t, int64_t k) {
    return static_cast<double>(batch.values[static_cast<size_t>(t * batch.width + k)]);
  };
  std::vector<Approximate> y;
  const bool concat = pooling == GAVEL_POOLING_FIRST_LAST && combine == GAVEL_COMBINE_CONCAT;
  for (int64_t k = 0; k < (concat ? 2 : 1) * batch.width; ++k) {
    Approximate v;
    if (pooling == GAVEL_POOLING_INDEX) {
      v.value = row(last, k);
    } else if (concat) {
      v.value = k < batch.width ? row(first, k) : row(last, k - batch.width);
    } else if (pooling == GAVEL_POOLING_FIRST_LAST) {
      v.value = combine == GAVEL_COMBINE_ADD ? row(first, k) + row(last, k) : row(last, k) - row(first, k);
      // Sums of 16-bit values are often exact, and often a tie when they are rounded again.
      v.error = round_to(GAVEL_F32, v.value) == v.value ? 0 : kUnit * std::fabs(v.value);
    } else {
      double magnitude = 0;
      const int64_t n = last - first + 1;
      bool exact = (n & (n - 1)) == 0;
      for (int64_t t = first; t <= last; ++t) {
        v.value += row(t, k);
        magnitude += std::fabs(row(t, k));
        exact = exact && round_to(GAVEL_F32, v.value) == v.value;
      }
      v.value /= static_cast<double>(n);
      // n - 1 roundings of partial sums; 1 / n and the product are rounded too.
      v.error = exact ? 0 : std::sqrt(static_cast<double>(n + 1)) * kUnit * magnitude / static_cast<double>(n);
    }
    y.push_back(v);
  }
  return y;
}

struct Reference {
  std::vector<Approximate> preactivations;  // all layers, one after the other
  std::vector<Approximate> logits;
};

// One valid item. `preactivations` are the library's own: each layer is computed from the one before as the library has it, so that a
// value which the library rounded to the other side, within its bound, does not make every later layer uncertain.
inline Reference reference(const TestHead &head, const Batch &batch, int32_t pooling, int32_t combine, int64_t first,
                           int64_t last, const float *preactivations) {
  const gavel_head_spec &spec = head.spec();
  const auto data = [&](const std::string &name) {
    const std::vector<float> *values = head.values(name);
    return values ? values->data() : nullptr;
  };
  Reference result;
  std::vector<Approximate> x = pooled(batch, pooling, combine, first, last);
  if (spec.norm != GAVEL_NORM_NONE) x = normed(spec, x, data("norm.weight"), data("norm.bias"));
  for (Approximate &v : x) v = rounded(spec.dtype, v);
  for (int32_t l = 0; l < spec.hidden_layers; ++l) {
    const std::string layer = "hidden." + std::to_string(l);
    const float *weight = data(layer + ".weight");
    const float *bias = data(layer + ".bias");
    const float *slope = data(layer + ".slope");
    std::vector<Approximate> u(static_cast<size_t>(spec.hidden_width[l]));
    for (size_t i = 0; i < u.size(); ++i) {
      result.preactivations.push_back(product(x, weight + i * x.size(), bias ? bias + i : nullptr));
      double factor = static_cast<double>(spec.negative_slope);
      if (slope) factor = static_cast<double>(slope[spec.flags & GAVEL_HEAD_SLOPE_PER_CHANNEL ? i : 0]);
      u[i] = activated(spec.activation, {static_cast<double>(*preactivations++), 0}, factor);
      if (l + 1 < spec.hidden_layers) u[i] = rounded(spec.dtype, u[i]);
    }
    x = std::move(u);
  }
  for (size_t k = 0; k < static_cast<size_t>(spec.output_width); ++k) {
    const float *bias = data("output.bias");
    const Approximate sum = product(x, data("output.weight") + k * x.size(), bias ? bias + k : nullptr);
    const double scale = static_cast<double>(spec.output_scale);
    result.logits.push_back({sum.value * scale, sum.error * std::fabs(scale) + kUnit * std::fabs(sum.value * scale)});
  }
  return result;
}

}  // namespace gavel::test

#endif
