// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_reference.h: losses and gradients in float64 from the formulas of gavel.h, in the plainest form float64 allows, with a bound on
// how far f32 arithmetic may be from them.
//
// Bounds carry the error of each step with its slope: one rounding is kUnit relative, exp, log1p, sigmoid and softplus are 2 ULP, that is
// 4 kUnit; a sum of n terms in pairs adds ceil(log2 n) roundings of the sum of magnitudes.
#ifndef GAVEL_TEST_LOSS_REFERENCE_H
#define GAVEL_TEST_LOSS_REFERENCE_H

#include <algorithm>
#include <cmath>
#include <vector>

#include "loss_problem.h"
#include "loss_reference_elementwise.h"
#include "loss_reference_item.h"
#include "loss_reference_rankings.h"

namespace gavel::test {

struct LossReference {
  std::vector<double> item_loss, item_bound;
  std::vector<double> dscore, dscore_bound;
  double loss = 0;
  double loss_bound = 0;
  int64_t valid = 0;
  int64_t skipped = 0;
};

inline ItemReference pair_reference(const LossProblem &problem, const std::vector<double> &s, int64_t p) {
  const int64_t i = problem.pairs[static_cast<size_t>(2 * p)], j = problem.pairs[static_cast<size_t>(2 * p + 1)];
  ItemReference item;
  if (!problem.is_valid(i) || !problem.is_valid(j)) return item;
  item.valid = true;
  const double si = s[static_cast<size_t>(i)], sj = s[static_cast<size_t>(j)];
  const double weight = problem.weight.at(p), beta = problem.beta.at(p), e = problem.label_smoothing.at(p);
  const double margin = problem.margin.at(p), center = problem.center.at(p), tie = problem.tie.at(p);
  const double d = si - sj, u = kLossUnit;
  double di, bound_i;
  if (!problem.tie_mask.empty() && problem.tie_mask[static_cast<size_t>(p)] != 0) {
    item.loss = weight * tie * d * d;
    item.bound = 6 * u * item.loss;
    di = 2 * weight * tie * d;
    bound_i = 4 * u * std::fabs(di);
  } else {
    const double z = beta * d - margin;
    const double dz_error = u * (2 * std::fabs(beta * d) + std::fabs(z));
    item.loss = weight * ((1 - e) * softplus64(-z) + e * softplus64(z));
    const double slope = (1 - e) * sigmoid64(-z) + e * sigmoid64(z);
    item.bound = weight * slope * dz_error + (kFunction + 4 * u) * item.loss;
    const double dz = e * sigmoid64(z) - (1 - e) * sigmoid64(-z);
    di = beta * weight * dz;
    bound_i = beta * weight * (sigmoid64(z) * sigmoid64(-z) * dz_error + (kFunction + 5 * u) * slope);
  }
  const double t = si + sj;
  item.loss += center * t * t;
  item.bound += 6 * u * center * t * t + u * item.loss + kSmallest;
  const double pull = 2 * center * t;
  const double pull_bound = 4 * u * std::fabs(pull) + kSmallest;
  item.gradient.push_back({i, di + pull, bound_i + pull_bound + u * std::fabs(di + pull)});
  item.gradient.push_back({j, pull - di, bound_i + pull_bound + u * std::fabs(pull - di)});
  return item;
}

inline ItemReference group_reference(const LossProblem &problem, const std::vector<double> &s, int64_t g) {
  ItemReference item;
  const int64_t begin = problem.offsets[static_cast<size_t>(g)], end = problem.offsets[static_cast<size_t>(g + 1)];
  std::vector<int64_t> entries;
  for (int64_t n = begin; n < end; ++n) {
    if (problem.is_valid(n)) entries.push_back(n);
  }
  if (entries.size() < 2) return item;
  item.valid = true;
  const double weight = problem.weight.at(g), temperature = problem.temperature.at(g), u = kLossUnit;
  const double depth = levels(static_cast<int64_t>(entries.size()));
  const auto target = [&](int64_t n) { return problem.target(g, n); };
  double leader = -INFINITY, targets = 0;
  for (const int64_t n : entries) leader = std::fmax(leader, s[static_cast<size_t>(n)]), targets += target(n);
  // Without the leader's 1, next to which a small sum would lose its digits.
  double rest = 0, total_error = 0;
  bool led = false;
  const auto gap = [&](int64_t n) { return (s[static_cast<size_t>(n)] - leader) / temperature; };
  const auto relative = [&](int64_t n) { return kFunction + 2 * u * std::fabs(gap(n)); };
  for (const int64_t n : entries) {
    if (led || gap(n) < 0) {
      rest += std::exp(gap(n));
    } else {
      led = true;
    }
    if (gap(n) < 0) total_error += std::exp(gap(n)) * (relative(n) + depth * u);
  }
  const double total = 1 + rest, log_sum = std::log1p(rest);
  const double log_error = total_error / total + kFunction * log_sum;
  for (const int64_t n : entries) {
    const double term = target(n) * (log_sum - gap(n));
    item.loss += term;
    item.bound += target(n) * (log_error + 2 * u * std::fabs(gap(n))) + (2 + depth) * u * term;
  }
  item.loss *= weight;
  item.bound = weight * item.bound + u * item.loss + kSmallest;
  for (const int64_t n : entries) {
    const double e = std::exp(gap(n)), p = e / total, q = (gap(n) < 0 ? 1 + (rest - e) : rest) / total, t = target(n);
    const double p_error = p * (relative(n) + total_error / total + 4 * u);
    const double q_error = (total_error + e * relative(n)) / total + q * (total_error / total + 6 * u);
    const double value = p * (targets - t) - t * q;
    const double error =
        p_error * (targets - t) + p * (depth + 1) * u * targets + t * q_error + 2 * u * (p * (targets - t) + t * q);
    item.gradient.push_back(
        {n, weight / temperature * value, weight / temperature * (error + 3 * u * std::fabs(value)) + kSmallest});
  }
  return item;
}

inline ItemReference item_reference(const LossProblem &problem, const std::vector<double> &s, int64_t item) {
  switch (problem.kind) {
    case GAVEL_LOSS_BRADLEY_TERRY:
      return pair_reference(problem, s, item);
    case GAVEL_LOSS_CROSS_ENTROPY:
      return group_reference(problem, s, item);
    case GAVEL_LOSS_PLACKETT_LUCE:
      return plackett_luce_reference(problem, s, item);
    case GAVEL_LOSS_PAIRWISE_RANKING:
      return pairwise_ranking_reference(problem, s, item);
    case GAVEL_LOSS_STEP_RANKING:
      return step_ranking_reference(problem, s, item);
    case GAVEL_LOSS_ORDINAL:
      return ordinal_reference(problem, s, item);
    default:
      return elementwise_reference(problem, s, item);
  }
}

inline LossReference loss_reference(const LossProblem &problem, const std::vector<double> &s) {
  LossReference reference;
  const size_t items = static_cast<size_t>(problem.items());
  reference.dscore.assign(s.size(), 0);
  reference.dscore_bound.assign(s.size(), 0);
  std::vector<ItemReference> all;
  double weights = 0;
  for (size_t k = 0; k < items; ++k) {
    const auto one = static_cast<int64_t>(k);
    all.push_back(item_reference(problem, s, one));
    const ItemReference &item = all.back();
    reference.item_loss.push_back(item.loss);
    reference.item_bound.push_back(item.bound);
    if (!item.valid) continue;
    ++reference.valid;
    weights += problem.weight.at(one);
  }
  reference.skipped = problem.items() - reference.valid;
  double divisor = 1;
  if (problem.reduction == GAVEL_REDUCTION_MEAN_VALID) divisor = static_cast<double>(reference.valid);
  if (problem.reduction == GAVEL_REDUCTION_WEIGHTED_MEAN) divisor = weights;
  if (divisor == 0) return reference;
  const double sum_error = (levels(reference.valid) + 2) * kLossUnit;
  std::vector<double> magnitude(s.size(), 0), roundings(s.size(), 0);
  for (const ItemReference &item : all) {
    reference.loss += item.loss / divisor;
    reference.loss_bound += (item.bound + 2 * sum_error * item.loss) / divisor;
    for (const Contribution &part : item.gradient) {
      const auto n = static_cast<size_t>(part.score);
      reference.dscore[n] += part.value / divisor;
      reference.dscore_bound[n] += (part.bound + 2 * sum_error * std::fabs(part.value)) / divisor;
      magnitude[n] += std::fabs(part.value) / divisor;
      roundings[n] += 1;
    }
  }
  for (size_t n = 0; n < s.size(); ++n) reference.dscore_bound[n] += roundings[n] * (kLossUnit * magnitude[n] + kSmallest);
  return reference;
}

inline LossReference loss_reference(const LossProblem &problem) {
  return loss_reference(problem, std::vector<double>(problem.scores.begin(), problem.scores.end()));
}

// Central differences of the reference against its own gradient: that the formulas agree with one another, all in float64.
inline double largest_difference(const LossProblem &problem) {
  constexpr double kStep = 1e-5;
  std::vector<double> s(problem.scores.begin(), problem.scores.end());
  const LossReference at = loss_reference(problem, s);
  double largest = 0, scale = 1;
  for (size_t n = 0; n < s.size(); ++n) {
    const double middle = s[n];
    s[n] = middle + kStep;
    const double above = loss_reference(problem, s).loss;
    s[n] = middle - kStep;
    const double below = loss_reference(problem, s).loss;
    s[n] = middle;
    largest = std::fmax(largest, std::fabs((above - below) / (2 * kStep) - at.dscore[n]));
    scale = std::fmax(scale, std::fabs(at.dscore[n]));
  }
  return largest / scale;
}

}  // namespace gavel::test

#endif
