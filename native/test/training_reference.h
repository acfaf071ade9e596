// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// training_reference.h: a head's forward pass and its gradients in float64, from the formulas of gavel.h and of each activation and norm
// written out, with bounds on the gradients carried as in score_reference.h.
//
// The gradients start from given pooled vectors and preactivations, as gavel_backward does: an error made by the forward call is not the
// backward call's. Rounding to 16 bits passes gradients through (straight-through).
#ifndef GAVEL_TEST_TRAINING_REFERENCE_H
#define GAVEL_TEST_TRAINING_REFERENCE_H

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "score_reference.h"

namespace gavel::test {

using Values = std::map<std::string, std::vector<double>>;

struct BackwardProblem {
  gavel_head_spec spec;
  Values parameters;
  std::vector<std::vector<Approximate>> vectors;    // of each item, before the norm; empty for an invalid item
  std::vector<std::vector<double>> preactivations;  // of each item, all layers
  std::vector<std::vector<double>> dscore;
  int32_t readout = GAVEL_READOUT_IDENTITY;
  double mean = 0, deviation = 1;
  std::vector<std::vector<double>> scores;  // SIGMOID
};

struct Gradients {
  std::map<std::string, std::vector<Approximate>> parameters;
  std::vector<std::vector<Approximate>> vectors;
};

inline double activation_derivative(int32_t activation, double a, double slope) {
  const double density = std::exp(-0.5 * a * a) / std::sqrt(2 * 3.14159265358979323846);
  const double s = 1 / (1 + std::exp(-a));
  const double c = std::sqrt(2 / 3.14159265358979323846);
  const double t = std::tanh(c * (a + 0.044715 * a * a * a));
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return a > 0 ? 1 : 0;
    case GAVEL_ACTIVATION_LEAKY_RELU:
    case GAVEL_ACTIVATION_PRELU:
      return a > 0 ? 1 : slope;
    case GAVEL_ACTIVATION_TANH:
      return 1 - std::tanh(a) * std::tanh(a);
    case GAVEL_ACTIVATION_GELU:
      return 0.5 * std::erfc(-a / std::sqrt(2.0)) + a * density;
    case GAVEL_ACTIVATION_GELU_TANH:
      return 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * c * (1 + 3 * 0.044715 * a * a);
    case GAVEL_ACTIVATION_SELU:
      return 1.0507009873554805 * (a > 0 ? 1 : 1.6732632423543772 * std::exp(a));
    case GAVEL_ACTIVATION_SILU:
      return s * (1 + a * (1 - s));
    default:
      return 1;
  }
}

inline std::string hidden_name(int32_t l, const char *what) {
  return "hidden." + std::to_string(l) + "." + what;
}

inline double slope_of(const BackwardProblem &problem, int32_t l, size_t column) {
  const auto slope = problem.parameters.find(hidden_name(l, "slope"));
  if (slope == problem.parameters.end()) return static_cast<double>(problem.spec.negative_slope);
  return slope->second[slope->second.size() > 1 ? column : 0];
}

// A running sum of f32 products or terms.
struct Sum {
  double value = 0, magnitude = 0, carried = 0;
  int64_t count = 0;
  void add(const Approximate &a, const Approximate &b) {
    value += a.value * b.value;
    magnitude += std::fabs(a.value * b.value);
    carried += std::fabs(a.value) * b.error + std::fabs(b.value) * a.error;
    ++count;
  }
  Approximate total() const { return {value, carried + 4 * std::sqrt(static_cast<double>(count)) * kUnit * magnitude + 1e-30}; }
};

inline std::vector<Approximate> exact(const std::vector<double> &values) {
  std::vector<Approximate> all;
  for (const double v : values) all.push_back({v, 0});
  return all;
}

// The vector after the norm, rounded, as the first layer reads it.
inline std::vector<Approximate> head_input(const BackwardProblem &problem, const std::vector<Approximate> &vector) {
  std::vector<Approximate> x = vector;
  if (problem.spec.norm != GAVEL_NORM_NONE) {
    const auto floats = [&](const char *name) {
      const auto found = problem.parameters.find(name);
      return found == problem.parameters.end() ? std::vector<float>()
                                               : std::vector<float>(found->second.begin(), found->second.end());
    };
    const std::vector<float> weight = floats("norm.weight"), bias = floats("norm.bias");
    x = normed(problem.spec, x, weight.data(), bias.empty() ? nullptr : bias.data());
  }
  for (Approximate &v : x) v = rounded(problem.spec.dtype, v);
  return x;
}

// Scores of one item in float64, without any rounding; fills its preactivations.
inline std::vector<double> plain_scores(BackwardProblem &problem, size_t item) {
  const gavel_head_spec &spec = problem.spec;
  std::vector<double> x;
  for (const Approximate &v : problem.vectors[item]) x.push_back(v.value);
  if (spec.norm != GAVEL_NORM_NONE) {
    double mean = 0, square = 0;
    if (spec.norm == GAVEL_NORM_LAYER) {
      for (const double v : x) mean += v / static_cast<double>(x.size());
    }
    for (const double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
    const auto bias = problem.parameters.find("norm.bias");
    for (size_t k = 0; k < x.size(); ++k) {
      x[k] = (x[k] - mean) / std::sqrt(square + static_cast<double>(spec.norm_epsilon)) * problem.parameters["norm.weight"][k];
      if (bias != problem.parameters.end()) x[k] += bias->second[k];
    }
  }
  const auto layer = [&](const std::string &name, size_t width) {
    const std::vector<double> &weight = problem.parameters[name + ".weight"];
    const auto bias = problem.parameters.find(name + ".bias");
    std::vector<double> out(width);
    for (size_t o = 0; o < width; ++o) {
      if (bias != problem.parameters.end()) out[o] = bias->second[o];
      for (size_t k = 0; k < x.size(); ++k) out[o] += weight[o * x.size() + k] * x[k];
    }
    return out;
  };
  problem.preactivations[item].clear();
  for (int32_t l = 0; l < spec.hidden_layers; ++l) {
    const std::vector<double> a = layer("hidden." + std::to_string(l), static_cast<size_t>(spec.hidden_width[l]));
    problem.preactivations[item].insert(problem.preactivations[item].end(), a.begin(), a.end());
    x.clear();
    for (size_t o = 0; o < a.size(); ++o) x.push_back(activation_value(spec.activation, a[o], slope_of(problem, l, o)));
  }
  std::vector<double> scores = layer("output", static_cast<size_t>(spec.output_width));
  for (double &s : scores) {
    s *= static_cast<double>(spec.output_scale);
    if (problem.readout == GAVEL_READOUT_AFFINE) s = (s - problem.mean) / problem.deviation;
    if (problem.readout == GAVEL_READOUT_SIGMOID) s = 1 / (1 + std::exp(-s));
  }
  return scores;
}

class BackwardReference {
 public:
  explicit BackwardReference(const BackwardProblem &problem) : problem_(problem), spec_(problem.spec) {
    for (const auto &[name, values] : problem.parameters) sums_[name].resize(values.size());
    for (size_t item = 0; item < problem.vectors.size(); ++item) {
      gradients_.vectors.emplace_back(static_cast<size_t>(spec_.input_width));
      if (!problem.vectors[item].empty()) gradients_.vectors.back() = add_item(item);
    }
    for (const auto &[name, sums] : sums_) {
      for (const Sum &sum : sums) gradients_.parameters[name].push_back(sum.total());
    }
  }
  const Gradients &gradients() const { return gradients_; }

 private:
  bool has(const std::string &name) const { return sums_.count(name) > 0; }

  // Adds to weight and bias; returns the gradient of the input.
  std::vector<Approximate> linear(const std::string &name, const std::vector<Approximate> &x,
                                  const std::vector<Approximate> &dout) {
    std::vector<Sum> dx(x.size());
    const std::vector<double> &weight = problem_.parameters.at(name + ".weight");
    for (size_t o = 0; o < dout.size(); ++o) {
      if (has(name + ".bias")) sums_[name + ".bias"][o].add(dout[o], {1, 0});
      for (size_t k = 0; k < x.size(); ++k) {
        sums_[name + ".weight"][o * x.size() + k].add(dout[o], x[k]);
        dx[k].add(dout[o], {weight[o * x.size() + k], 0});
      }
    }
    std::vector<Approximate> result;
    for (const Sum &sum : dx) result.push_back(sum.total());
    return result;
  }

  std::vector<Approximate> add_item(size_t item) {
    std::vector<std::vector<Approximate>> inputs = {head_input(problem_, problem_.vectors[item])};
    const std::vector<double> &a = problem_.preactivations[item];
    size_t begin = 0;
    std::vector<size_t> begins;
    for (int32_t l = 0; l < spec_.hidden_layers; ++l) {
      begins.push_back(begin);
      std::vector<Approximate> u;
      for (size_t o = 0; o < static_cast<size_t>(spec_.hidden_width[l]); ++o) {
        u.push_back(activated(spec_.activation, {a[begin + o], 0}, slope_of(problem_, l, o)));
        if (l + 1 < spec_.hidden_layers) u.back() = rounded(spec_.dtype, u.back());
      }
      begin += u.size();
      inputs.push_back(std::move(u));
    }
    std::vector<Approximate> d;
    for (size_t k = 0; k < problem_.dscore[item].size(); ++k) {
      double slope = static_cast<double>(spec_.output_scale);
      if (problem_.readout == GAVEL_READOUT_AFFINE) slope /= problem_.deviation;
      if (problem_.readout == GAVEL_READOUT_SIGMOID) slope *= problem_.scores[item][k] * (1 - problem_.scores[item][k]);
      d.push_back({problem_.dscore[item][k] * slope, 4 * kUnit * std::fabs(problem_.dscore[item][k] * slope)});
    }
    d = linear("output", inputs.back(), d);
    for (int32_t l = spec_.hidden_layers - 1; l >= 0; --l) {
      const auto slope = hidden_name(l, "slope");
      for (size_t o = 0; o < d.size(); ++o) {
        const double value = a[begins[static_cast<size_t>(l)] + o];
        if (has(slope)) sums_[slope][sums_[slope].size() > 1 ? o : 0].add(d[o], {std::fmin(value, 0), 0});
        const double derivative = activation_derivative(spec_.activation, value, slope_of(problem_, l, o));
        // Derivatives are built from functions of 2 ULP; where their parts cancel the error is that of a number near 1.
        const double own = spec_.activation >= GAVEL_ACTIVATION_TANH ? 16 * kUnit * std::fmax(1, std::fabs(derivative)) : 0;
        d[o] = {d[o].value * derivative,
                d[o].error * std::fabs(derivative) + std::fabs(d[o].value) * (own + kUnit * std::fabs(derivative))};
      }
      d = linear("hidden." + std::to_string(l), inputs[static_cast<size_t>(l)], d);
    }
    return spec_.norm == GAVEL_NORM_NONE ? d : norm(problem_.vectors[item], d);
  }

  std::vector<Approximate> norm(const std::vector<Approximate> &x, const std::vector<Approximate> &dy) {
    const double n = static_cast<double>(x.size());
    double mean = 0, magnitude = 0, input_error = 0, square = 0;
    for (const Approximate &v : x) {
      mean += v.value / n, magnitude += std::fabs(v.value) / n, input_error = std::fmax(input_error, v.error);
    }
    const bool layer = spec_.norm == GAVEL_NORM_LAYER;
    if (!layer) mean = 0;
    for (const Approximate &v : x) square += (v.value - mean) * (v.value - mean) / n;
    const double scale = 1 / std::sqrt(square + static_cast<double>(spec_.norm_epsilon));
    const double root_n = 4 * std::sqrt(n) * kUnit;
    const double centering = input_error + (layer ? root_n * magnitude : 0);
    const double relative = root_n + 2 * centering * scale + 4 * kUnit;  // of scale
    std::vector<Approximate> h, g;
    double mean_g = 0, mean_gh = 0, size_g = 0, size_gh = 0, error_g = 0, error_gh = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      const double weight = problem_.parameters.at("norm.weight")[k];
      const double value = (x[k].value - mean) * scale;
      h.push_back({value, std::fabs(value) * (relative + 2 * kUnit) + centering * scale});
      g.push_back({dy[k].value * weight, std::fabs(weight) * dy[k].error + kUnit * std::fabs(dy[k].value * weight)});
      mean_g += g[k].value / n, size_g += std::fabs(g[k].value) / n, error_g += g[k].error / n;
      mean_gh += g[k].value * value / n, size_gh += std::fabs(g[k].value * value) / n;
      error_gh += (g[k].error * std::fabs(value) + std::fabs(g[k].value) * h[k].error) / n;
      if (has("norm.weight")) sums_["norm.weight"][k].add(dy[k], h[k]);
      if (has("norm.bias")) sums_["norm.bias"][k].add(dy[k], {1, 0});
    }
    if (!layer) mean_g = size_g = error_g = 0;
    error_g += root_n * size_g, error_gh += root_n * size_gh;
    std::vector<Approximate> dx;
    for (size_t k = 0; k < x.size(); ++k) {
      const double value = scale * (g[k].value - mean_g - h[k].value * mean_gh);
      const double parts = std::fabs(g[k].value) + std::fabs(mean_g) + std::fabs(h[k].value * mean_gh);
      const double error = g[k].error + error_g + std::fabs(h[k].value) * error_gh + h[k].error * std::fabs(mean_gh);
      dx.push_back({value, scale * (error + 4 * kUnit * parts) + relative * std::fabs(value) + 1e-30});
    }
    return dx;
  }

  const BackwardProblem &problem_;
  const gavel_head_spec &spec_;
  std::map<std::string, std::vector<Sum>> sums_;
  Gradients gradients_;
};

}  // namespace gavel::test

#endif
