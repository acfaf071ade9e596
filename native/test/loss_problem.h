// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_problem.h: a loss call as vectors, random ones, and running it through the C interface.
#ifndef GAVEL_TEST_LOSS_PROBLEM_H
#define GAVEL_TEST_LOSS_PROBLEM_H

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "api_fixture.h"

namespace gavel::test {

// One number, or one per item where values is not empty.
struct LossNumber {
  float scalar = 0;
  std::vector<float> values;
  double at(int64_t item) const { return static_cast<double>(values.empty() ? scalar : values[static_cast<size_t>(item)]); }
};

struct LossProblem {
  int32_t kind = GAVEL_LOSS_BRADLEY_TERRY;
  int32_t reduction = GAVEL_REDUCTION_MEAN_VALID;
  std::vector<float> scores;
  std::vector<uint8_t> mask;  // empty: absent, as are the others
  std::vector<int64_t> pairs;
  std::vector<uint8_t> tie_mask;
  std::vector<int64_t> offsets;
  std::vector<int64_t> target_index;
  std::vector<float> target_weights;
  std::vector<int64_t> ranks;
  std::vector<uint8_t> labels;
  std::vector<float> targets;
  std::vector<float> admissible;
  int64_t top_k = 0;
  int64_t classes = 0;
  LossNumber weight{1, {}}, beta, margin, label_smoothing, center, tie, temperature, zeta, positive_weight, quantile;

  bool has_pairs() const { return kind == GAVEL_LOSS_BRADLEY_TERRY || kind == GAVEL_LOSS_ORDINAL; }
  bool has_targets() const { return kind == GAVEL_LOSS_MSE || kind == GAVEL_LOSS_BCE || kind == GAVEL_LOSS_PINBALL; }
  int64_t items() const {
    if (has_targets()) return static_cast<int64_t>(scores.size());
    return static_cast<int64_t>(has_pairs() ? pairs.size() / 2 : offsets.size() - 1);
  }
  bool is_valid(int64_t n) const { return mask.empty() || mask[static_cast<size_t>(n)] != 0; }
  double target(int64_t group, int64_t n) const {
    if (!target_weights.empty()) return static_cast<double>(target_weights[static_cast<size_t>(n)]);
    return n - offsets[static_cast<size_t>(group)] == target_index[static_cast<size_t>(group)] ? 1 : 0;
  }
};

inline LossProblem pairs_problem(std::vector<float> scores, std::vector<int64_t> pairs) {
  LossProblem problem;
  problem.scores = std::move(scores);
  problem.pairs = std::move(pairs);
  problem.beta.scalar = 1;
  return problem;
}

inline LossProblem groups_problem(std::vector<float> scores, std::vector<int64_t> offsets, std::vector<int64_t> targets) {
  LossProblem problem;
  problem.kind = GAVEL_LOSS_CROSS_ENTROPY;
  problem.scores = std::move(scores);
  problem.offsets = std::move(offsets);
  problem.target_index = std::move(targets);
  problem.temperature.scalar = 1;
  return problem;
}

struct LossOutputs {
  std::vector<float> item_loss, loss, dscore;
  int64_t counts[2] = {-1, -1};
};

template <typename Element>
gavel_tensor describe_vector(const std::vector<Element> &values, int32_t dtype) {
  return describe(const_cast<Element *>(values.data()), dtype, {static_cast<int64_t>(values.size())});
}

// Every output, filled with NaN first. The arguments point into problem and out.
inline gavel_loss_args loss_args(const LossProblem &problem, LossOutputs &out) {
  auto args = sized<gavel_loss_args>();
  args.kind = problem.kind;
  args.reduction = problem.reduction;
  const struct {
    const LossNumber &number;
    float &scalar;
    gavel_tensor &values;
  } numbers[] = {
      {problem.weight, args.weight, args.weight_values},
      {problem.beta, args.beta, args.beta_values},
      {problem.margin, args.margin, args.margin_values},
      {problem.label_smoothing, args.label_smoothing, args.label_smoothing_values},
      {problem.center, args.center, args.center_values},
      {problem.tie, args.tie, args.tie_values},
      {problem.temperature, args.temperature, args.temperature_values},
      {problem.zeta, args.zeta, args.zeta_values},
      {problem.positive_weight, args.positive_weight, args.positive_weight_values},
      {problem.quantile, args.quantile, args.quantile_values},
  };
  for (const auto &entry : numbers) {
    entry.scalar = entry.number.scalar;
    if (!entry.number.values.empty()) entry.values = describe_vector(entry.number.values, GAVEL_F32);
  }
  args.scores = describe_vector(problem.scores, GAVEL_F32);
  if (!problem.mask.empty()) args.mask = describe_vector(problem.mask, GAVEL_U8);
  args.top_k = problem.top_k;
  args.classes = problem.classes;
  const bool ranked = problem.kind == GAVEL_LOSS_PLACKETT_LUCE || problem.kind == GAVEL_LOSS_PAIRWISE_RANKING;
  if (ranked || !problem.ranks.empty()) args.ranks = describe_vector(problem.ranks, GAVEL_I64);
  if (problem.kind == GAVEL_LOSS_STEP_RANKING || !problem.labels.empty())
    args.labels = describe_vector(problem.labels, GAVEL_U8);
  if (!problem.admissible.empty()) {
    args.admissible = describe(const_cast<float *>(problem.admissible.data()), GAVEL_F32, {problem.classes, problem.classes});
  }
  if (problem.has_targets()) args.targets = describe_vector(problem.targets, GAVEL_F32);
  if (problem.has_pairs()) {
    args.pairs = describe(const_cast<int64_t *>(problem.pairs.data()), GAVEL_I64, {problem.items(), 2});
    if (!problem.tie_mask.empty()) args.tie_mask = describe_vector(problem.tie_mask, GAVEL_U8);
  } else if (!problem.has_targets()) {
    args.offsets = describe_vector(problem.offsets, GAVEL_I64);
    if (problem.kind == GAVEL_LOSS_CROSS_ENTROPY && problem.target_weights.empty()) {
      args.target_index = describe_vector(problem.target_index, GAVEL_I64);
    }
    if (!problem.target_weights.empty()) args.target_weights = describe_vector(problem.target_weights, GAVEL_F32);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  out.item_loss.assign(static_cast<size_t>(problem.items()), nan);
  out.loss.assign(1, nan);
  out.dscore.assign(problem.scores.size(), nan);
  args.item_loss = describe_vector(out.item_loss, GAVEL_F32);
  if (problem.reduction != GAVEL_REDUCTION_NONE) args.loss = describe_vector(out.loss, GAVEL_F32);
  args.dscore = describe_vector(out.dscore, GAVEL_F32);
  args.counts = describe(out.counts, GAVEL_I64, {2});
  return args;
}

inline LossOutputs run_loss(gavel_context *context, const LossProblem &problem, Where where = Where::current()) {
  LossOutputs out;
  const gavel_loss_args args = loss_args(problem, out);
  auto error = sized<gavel_error>();
  expect_status("gavel_loss", gavel_loss(context, &args, &error), GAVEL_OK, error, where);
  return out;
}

// About half of the numbers per item, the others one for all.
inline LossNumber random_number(Random &random, int64_t items, double low, double high) {
  LossNumber number;
  number.scalar = static_cast<float>(random.uniform(low, high));
  if (random.integer(0, 1) == 0) return number;
  for (int64_t k = 0; k < items; ++k) number.values.push_back(static_cast<float>(random.uniform(low, high)));
  return number;
}

inline std::vector<uint8_t> random_mask(Random &random, int64_t n, double share) {
  std::vector<uint8_t> mask;
  for (int64_t k = 0; k < n; ++k)
    mask.push_back(random.uniform(0, 1) < share ? static_cast<uint8_t>(random.integer(1, 255)) : 0);
  return mask;
}

inline std::vector<float> random_scores(Random &random, int64_t n, double deviation) {
  return random_values(random, GAVEL_F32, n, deviation);
}

inline LossProblem random_pairs(Random &random, int64_t n, int64_t count) {
  LossProblem problem = pairs_problem(random_scores(random, n, 3), {});
  for (int64_t p = 0; p < count; ++p) {
    const int64_t chosen = random.integer(0, n - 1);
    const int64_t rejected = (chosen + random.integer(1, n - 1)) % n;
    problem.pairs.insert(problem.pairs.end(), {chosen, rejected});
  }
  problem.reduction = static_cast<int32_t>(random.integer(GAVEL_REDUCTION_MEAN_VALID, GAVEL_REDUCTION_WEIGHTED_MEAN));
  problem.weight = random_number(random, count, 0, 2);
  problem.beta = random_number(random, count, 0.1, 3);
  problem.margin = random_number(random, count, -2, 2);
  problem.label_smoothing = random_number(random, count, 0, 1);
  problem.center = random_number(random, count, 0, 0.1);
  if (random.integer(0, 1) == 1) problem.mask = random_mask(random, n, 0.8);
  if (random.integer(0, 1) == 1) {
    problem.tie_mask = random_mask(random, count, 0.3);
    problem.tie = random_number(random, count, 0, 1);
  }
  return problem;
}

inline LossProblem random_groups(Random &random, int64_t count, int64_t longest) {
  LossProblem problem = groups_problem({}, {0}, {});
  for (int64_t g = 0; g < count; ++g) problem.offsets.push_back(problem.offsets.back() + random.integer(0, longest));
  problem.scores = random_scores(random, problem.offsets.back(), 3);
  problem.reduction = static_cast<int32_t>(random.integer(GAVEL_REDUCTION_MEAN_VALID, GAVEL_REDUCTION_WEIGHTED_MEAN));
  problem.weight = random_number(random, count, 0, 2);
  problem.temperature = random_number(random, count, 0.3, 3);
  if (random.integer(0, 1) == 1) problem.mask = random_mask(random, problem.offsets.back(), 0.7);
  const bool soft = !problem.scores.empty() && random.integer(0, 1) == 1;
  if (soft) problem.target_weights.assign(problem.scores.size(), 0);
  for (int64_t g = 0; g < count; ++g) {
    std::vector<int64_t> valid;
    for (int64_t n = problem.offsets[static_cast<size_t>(g)]; n < problem.offsets[static_cast<size_t>(g + 1)]; ++n) {
      if (problem.is_valid(n)) valid.push_back(n);
    }
    for (const int64_t n : valid) {
      if (soft && random.integer(0, 3) > 0)
        problem.target_weights[static_cast<size_t>(n)] = static_cast<float>(random.uniform(0, 1));
    }
    const int64_t pick =
        valid.empty() ? -1 : valid[static_cast<size_t>(random.integer(0, static_cast<int64_t>(valid.size()) - 1))];
    if (!soft) problem.target_index.push_back(pick < 0 ? -1 : pick - problem.offsets[static_cast<size_t>(g)]);
  }
  return problem;
}

}  // namespace gavel::test

#endif
