// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_reference.h: every readout but the elementwise ones, and its gradient, from the formulas of gavel.h written out over a number
// type: double for values and central differences, Bounded for values with a running bound on what f32 arithmetic may lose.
#ifndef GAVEL_TEST_READOUT_REFERENCE_H
#define GAVEL_TEST_READOUT_REFERENCE_H

#include <algorithm>
#include <cmath>
#include <vector>

#include "random.h"
#include "rows.h"

namespace gavel::test {

// Each operation adds half a unit in the last place of its result to the errors that came in (Wilkinson's running analysis); below
// 2^-126, where results become 0, that much is added instead.
struct Bounded {
  double value = 0;
  double error = 0;
  Bounded(double v = 0) : value(v) {}  // NOLINT: a number without an error
  Bounded(double v, double e) : value(v), error(e + 0x1p-24 * std::fabs(v) + 0x1p-126) {}
};
inline Bounded operator+(const Bounded &a, const Bounded &b) {
  return {a.value + b.value, a.error + b.error};
}
inline Bounded operator-(const Bounded &a, const Bounded &b) {
  return {a.value - b.value, a.error + b.error};
}
inline Bounded operator*(const Bounded &a, const Bounded &b) {
  return {a.value * b.value, std::fabs(a.value) * b.error + std::fabs(b.value) * a.error + a.error * b.error};
}
inline Bounded operator/(const Bounded &a, const Bounded &b) {
  const double q = a.value / b.value;
  return {q, (a.error + std::fabs(q) * b.error) / (std::fabs(b.value) - b.error)};
}
// Within 2 units in the last place (numeric.h).
inline Bounded exponential_of(const Bounded &x) {
  const double e = std::exp(x.value);
  return {e, e * (std::expm1(x.error) + 4 * 0x1p-24)};
}
inline double exponential_of(double x) {
  return std::exp(x);
}

// What a readout is told, and the widths of its rows.
struct ReadoutConfig {
  int32_t readout;
  int64_t outputs;  // K of the head
  int64_t width = 0;
  int32_t class_index = 0;
  int32_t statistic = 0;
  int32_t objectives = GAVEL_READOUT_IDENTITY;
  int32_t form = 0;
  float temperature = 0;
  float scale = 0;
  std::vector<float> levels{};
  std::vector<float> weights{};
  std::vector<float> transform{};

  bool mixes() const { return readout == GAVEL_READOUT_WEIGHTED_SUM || readout == GAVEL_READOUT_GATED_SUM; }
  bool two_streams() const { return form == GAVEL_GATE_TWO_STREAM; }
  int64_t logits() const { return two_streams() ? 2 : outputs; }
  int64_t groups() const { return width > 0 ? logits() / width : logits(); }
  int64_t scores() const { return mixes() ? 1 : groups(); }
  int64_t gate_outputs() const { return readout != GAVEL_READOUT_GATED_SUM ? 0 : two_streams() ? 1 : groups(); }
};

template <typename T>
using Row = std::vector<T>;

template <typename T>
Row<T> widened(const std::vector<float> &values) {
  return Row<T>(values.begin(), values.end());
}

template <typename T>
struct ReferenceSoftmax {
  Row<T> p, others;  // p_k, 1 - p_k
  size_t leader;

  ReferenceSoftmax(const Row<T> &z, const T &temperature, double (*value)(const T &)) {
    leader = 0;
    for (size_t k = 1; k < z.size(); ++k) {
      if (value(z[k]) > value(z[leader])) leader = k;
    }
    Row<T> e;
    for (size_t k = 0; k < z.size(); ++k) e.push_back(k == leader ? T(1.0) : exponential_of((z[k] - z[leader]) / temperature));
    for (size_t k = 0; k < z.size(); ++k) {
      T sum = e[k], rest = 0.0;
      for (size_t j = 0; j < z.size(); ++j) {
        if (j != k) rest = rest + e[j];
      }
      sum = sum + rest;
      p.push_back(e[k] / sum);
      others.push_back(rest / sum);
    }
  }
  T mean(const Row<T> &v) const {
    T sum = 0.0;
    for (size_t k = 0; k < v.size(); ++k) sum = sum + p[k] * v[k];
    return sum;
  }
  // v_k - mean, from what lies between the levels.
  Row<T> deviations(const Row<T> &v) const {
    Row<T> gaps;
    for (const T &level : v) gaps.push_back(level - v[leader]);
    const T offset = mean(gaps);
    Row<T> all;
    for (const T &gap : gaps) all.push_back(gap - offset);
    return all;
  }
};

inline double value_of(const double &x) {
  return x;
}
inline double value_of(const Bounded &x) {
  return x.value;
}

template <typename T>
struct ReferenceGradient {
  Row<T> logits, gate;
  T scale = 0.0;
};

template <typename T>
class ReadoutReference {
 public:
  explicit ReadoutReference(const ReadoutConfig &config) : config_(config) {}

  Row<T> scores(const Row<T> &z, const Row<T> &g) const {
    const Row<T> reduced = reduce(z);
    if (!config_.mixes()) return reduced;
    if (config_.readout == GAVEL_READOUT_WEIGHTED_SUM) return {dot(widened<T>(config_.weights), reduced)};
    if (config_.two_streams()) {
      const auto [a, b] = logistic(g[0]);
      return {a * reduced[0] + b * reduced[1]};
    }
    return {T(static_cast<double>(config_.scale)) * dot(gate_weights(g), transformed(reduced))};
  }

  ReferenceGradient<T> gradient(const Row<T> &z, const Row<T> &g, const Row<T> &dscore) const {
    ReferenceGradient<T> out;
    if (!config_.mixes()) {
      out.logits = reduce_gradient(z, dscore);
      return out;
    }
    const Row<T> r = reduce(z);
    Row<T> dr;
    const T d = dscore[0];
    if (config_.readout == GAVEL_READOUT_WEIGHTED_SUM) {
      for (const float w : config_.weights) dr.push_back(d * T(static_cast<double>(w)));
    } else if (config_.two_streams()) {
      const auto [a, b] = logistic(g[0]);
      dr = {d * a, d * b};
      out.gate = {d * ((a * b) * (r[0] - r[1]))};
    } else {
      gate_gradient(r, g, d, dr, out);
    }
    out.logits = config_.width > 0 ? reduce_gradient(z, dr) : dr;
    return out;
  }

 private:
  int32_t reducer() const { return config_.mixes() ? config_.objectives : config_.readout; }

  static T dot(const Row<T> &a, const Row<T> &b) {
    T sum = 0.0;
    for (size_t k = 0; k < a.size(); ++k) sum = sum + a[k] * b[k];
    return sum;
  }
  // 1 / (1 + e^-g) and 1 / (1 + e^g).
  static std::pair<T, T> logistic(const T &g) {
    const T e = exponential_of(value_of(g) < 0 ? g : T(0.0) - g);
    const T larger = T(1.0) / (T(1.0) + e), smaller = e / (T(1.0) + e);
    return value_of(g) < 0 ? std::pair<T, T>{smaller, larger} : std::pair<T, T>{larger, smaller};
  }
  Row<T> group(const Row<T> &z, int64_t g) const {
    return Row<T>(z.begin() + g * config_.width, z.begin() + (g + 1) * config_.width);
  }
  static ReferenceSoftmax<T> softmax(const Row<T> &z, const T &temperature = 1.0) { return {z, temperature, value_of}; }

  Row<T> reduce(const Row<T> &z) const {
    if (config_.width == 0) return z;
    Row<T> out;
    for (int64_t g = 0; g < config_.groups(); ++g) out.push_back(reduce_group(group(z, g)));
    return out;
  }
  T reduce_group(const Row<T> &z) const {
    if (reducer() == GAVEL_READOUT_QUANTILE_MEAN) {
      return dot(z, Row<T>(z.size(), T(1.0))) / T(static_cast<double>(z.size()));
    }
    const ReferenceSoftmax<T> p = softmax(z);
    if (reducer() == GAVEL_READOUT_CLASS_PROB) return p.p[static_cast<size_t>(config_.class_index)];
    const Row<T> v = widened<T>(config_.levels);
    if (config_.statistic == GAVEL_EXPECTATION_MEAN) return p.mean(v);
    if (config_.statistic == GAVEL_EXPECTATION_TOP_LEVEL) return v[p.leader] * p.p[p.leader];
    return variance(p, v);
  }
  static T variance(const ReferenceSoftmax<T> &p, const Row<T> &v) {
    T sum = 0.0;
    const Row<T> deviations = p.deviations(v);
    for (size_t k = 0; k < v.size(); ++k) sum = sum + p.p[k] * (deviations[k] * deviations[k]);
    return sum;
  }

  Row<T> reduce_gradient(const Row<T> &z, const Row<T> &d) const {
    Row<T> all;
    for (int64_t g = 0; g < config_.groups(); ++g) {
      const Row<T> of_group = reduce_group_gradient(group(z, g), d[static_cast<size_t>(g)]);
      all.insert(all.end(), of_group.begin(), of_group.end());
    }
    return all;
  }
  Row<T> reduce_group_gradient(const Row<T> &z, const T &d) const {
    Row<T> out;
    if (reducer() == GAVEL_READOUT_QUANTILE_MEAN) return Row<T>(z.size(), d / T(static_cast<double>(z.size())));
    const ReferenceSoftmax<T> p = softmax(z);
    const Row<T> v = widened<T>(config_.levels);
    const bool top = config_.statistic == GAVEL_EXPECTATION_TOP_LEVEL;
    if (reducer() == GAVEL_READOUT_CLASS_PROB || top) {
      const size_t wanted = top ? p.leader : static_cast<size_t>(config_.class_index);
      const T factor = d * (top ? v[wanted] * p.p[wanted] : p.p[wanted]);
      for (size_t k = 0; k < z.size(); ++k) out.push_back(factor * (k == wanted ? p.others[k] : T(0.0) - p.p[k]));
      return out;
    }
    const Row<T> deviations = p.deviations(v);
    const T spread = config_.statistic == GAVEL_EXPECTATION_VARIANCE ? variance(p, v) : T(0.0);
    for (size_t k = 0; k < z.size(); ++k) {
      const T slope = config_.statistic == GAVEL_EXPECTATION_VARIANCE ? deviations[k] * deviations[k] - spread : deviations[k];
      out.push_back(d * (p.p[k] * slope));
    }
    return out;
  }

  Row<T> gate_weights(const Row<T> &g) const {
    return config_.form == GAVEL_GATE_LINEAR ? g : softmax(g, T(static_cast<double>(config_.temperature))).p;
  }
  T transform_at(size_t j, size_t k, size_t n) const { return T(static_cast<double>(config_.transform[j * n + k])); }
  Row<T> transformed(const Row<T> &r) const {
    if (config_.transform.empty()) return r;
    Row<T> q;
    for (size_t k = 0; k < r.size(); ++k) {
      T sum = 0.0;
      for (size_t j = 0; j < r.size(); ++j) sum = sum + r[j] * transform_at(j, k, r.size());
      q.push_back(sum);
    }
    return q;
  }
  void gate_gradient(const Row<T> &r, const Row<T> &g, const T &d, Row<T> &dr, ReferenceGradient<T> &out) const {
    const Row<T> q = transformed(r), weights = gate_weights(g);
    const T factor = d * T(static_cast<double>(config_.scale));
    out.scale = d * dot(weights, q);
    Row<T> dq;
    for (const T &weight : weights) dq.push_back(factor * weight);
    if (config_.form == GAVEL_GATE_LINEAR) {
      for (const T &objective : q) out.gate.push_back(factor * objective);
    } else {
      const T temperature = static_cast<double>(config_.temperature);
      const ReferenceSoftmax<T> p = softmax(g, temperature);
      const Row<T> deviations = p.deviations(q);
      for (size_t k = 0; k < q.size(); ++k) out.gate.push_back(factor * (p.p[k] * deviations[k]) / temperature);
    }
    if (config_.transform.empty()) {
      dr = dq;
      return;
    }
    for (size_t j = 0; j < r.size(); ++j) {
      T sum = 0.0;
      for (size_t k = 0; k < r.size(); ++k) sum = sum + transform_at(j, k, r.size()) * dq[k];
      dr.push_back(sum);
    }
  }

  const ReadoutConfig &config_;
};

inline std::vector<float> normal_values(Random &random, int64_t n, double deviation = 1) {
  std::vector<float> values(static_cast<size_t>(n));
  for (float &value : values) value = static_cast<float>(deviation * static_cast<double>(random.normal()));
  return values;
}

// What the objectives of a mixing readout, or a readout over groups, are told.
inline void configure_groups(Random &random, ReadoutConfig &config, int32_t reducer, int64_t groups) {
  if (reducer == GAVEL_READOUT_IDENTITY) {
    config.outputs = groups;
    return;
  }
  config.width = random.integer(reducer == GAVEL_READOUT_QUANTILE_MEAN ? 1 : 2, 12);
  config.outputs = groups * config.width;
  if (reducer == GAVEL_READOUT_CLASS_PROB) config.class_index = static_cast<int32_t>(random.integer(0, config.width - 1));
  if (reducer == GAVEL_READOUT_EXPECTATION) {
    config.statistic = static_cast<int32_t>(random.integer(GAVEL_EXPECTATION_MEAN, GAVEL_EXPECTATION_TOP_LEVEL));
    config.levels = normal_values(random, config.width, 3);
  }
}

// A readout of every kind in turn: five kinds, the four forms of objectives of two of them, the three gates.
inline ReadoutConfig any_readout(Random &random) {
  constexpr int32_t kReducers[] = {GAVEL_READOUT_IDENTITY, GAVEL_READOUT_CLASS_PROB, GAVEL_READOUT_EXPECTATION,
                                   GAVEL_READOUT_QUANTILE_MEAN};
  ReadoutConfig config{.readout = static_cast<int32_t>(random.integer(GAVEL_READOUT_CLASS_PROB, GAVEL_READOUT_GATED_SUM)),
                       .outputs = 1};
  if (!config.mixes()) {
    configure_groups(random, config, config.readout, random.integer(1, 4));
    return config;
  }
  const bool gated = config.readout == GAVEL_READOUT_GATED_SUM;
  if (gated) config.form = static_cast<int32_t>(random.integer(GAVEL_GATE_SOFTMAX, GAVEL_GATE_LINEAR));
  if (config.two_streams()) return config;
  const int64_t objectives = random.integer(2, 20);
  config.objectives = kReducers[random.integer(0, 3)];
  configure_groups(random, config, config.objectives, objectives);
  if (!gated) {
    config.weights = normal_values(random, objectives);
    return config;
  }
  config.scale = static_cast<float>(random.uniform(0.5, 2));
  if (config.form == GAVEL_GATE_SOFTMAX) config.temperature = static_cast<float>(random.uniform(0.5, 10));
  if (random.integer(0, 1)) config.transform = normal_values(random, objectives * objectives, 0.3);
  return config;
}

}  // namespace gavel::test

#endif
