// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_reference_rankings.h: PLACKETT_LUCE, PAIRWISE_RANKING, STEP_RANKING and ORDINAL in float64, from the formulas of gavel.h written
// out, with bounds on f32.
//
// A log-sum-exp of a set that grows to n entries, whose values are below `magnitude` and exact to `rounding`, has every share within
//   set_error = 2 function errors + 2 rounding + 4 u magnitude + (2 n + 8) u
// relative to itself: each entry's exponential, the gap it is taken of, and at most two roundings an entry in the running sum.
#ifndef GAVEL_TEST_LOSS_REFERENCE_RANKINGS_H
#define GAVEL_TEST_LOSS_REFERENCE_RANKINGS_H

#include <algorithm>
#include <cmath>
#include <vector>

#include "loss_problem.h"
#include "loss_reference_item.h"

namespace gavel::test {

inline double set_error(size_t n, double magnitude, double rounding) {
  return 2 * kFunction + 2 * rounding + 4 * kLossUnit * magnitude + (2 * static_cast<double>(n) + 8) * kLossUnit;
}

inline double log_sum64(const std::vector<double> &values) {
  double leader = -INFINITY, sum = 0;
  for (const double z : values) leader = std::fmax(leader, z);
  if (leader == -INFINITY) return leader;
  for (const double z : values) sum += std::exp(z - leader);
  return leader + std::log(sum);
}

inline std::vector<int64_t> valid_entries(const LossProblem &problem, int64_t g) {
  std::vector<int64_t> entries;
  for (int64_t n = problem.offsets[static_cast<size_t>(g)]; n < problem.offsets[static_cast<size_t>(g + 1)]; ++n) {
    if (problem.is_valid(n)) entries.push_back(n);
  }
  return entries;
}

inline ItemReference plackett_luce_reference(const LossProblem &problem, const std::vector<double> &s, int64_t g) {
  ItemReference item;
  std::vector<int64_t> entries = valid_entries(problem, g);
  if (entries.size() < 2) return item;
  item.valid = true;
  std::sort(entries.begin(), entries.end(), [&](int64_t a, int64_t b) {
    return problem.ranks[static_cast<size_t>(a)] < problem.ranks[static_cast<size_t>(b)];
  });
  const size_t top = problem.top_k == 0 ? entries.size() : std::min(entries.size(), static_cast<size_t>(problem.top_k));
  const double weight = problem.weight.at(g), temperature = problem.temperature.at(g), u = kLossUnit;
  std::vector<double> z;
  double magnitude = 0;
  for (const int64_t n : entries) {
    z.push_back(s[static_cast<size_t>(n)] / temperature);
    magnitude = std::fmax(magnitude, std::fabs(z.back()));
  }
  const double error = set_error(entries.size(), 2 * magnitude, u * magnitude);
  std::vector<double> value(entries.size(), 0), size(entries.size(), 0);
  for (size_t k = 0; k < top; ++k) {
    const double all = log_sum64(std::vector<double>(z.begin() + static_cast<int64_t>(k), z.end()));
    item.loss += all - z[k];
    item.bound += error;
    for (size_t j = k; j < entries.size(); ++j) {
      const double share = std::exp(z[j] - all);
      if (j == k) continue;
      value[j] += share;
      size[j] += share;
      // share - 1 at the place itself, without losing what is left of it.
      value[k] -= share;
      size[k] += share;
    }
  }
  const double depth = static_cast<double>(top);
  item.loss *= weight;
  item.bound = weight * (item.bound + (levels(static_cast<int64_t>(top)) + 4) * u * item.loss / std::fmax(weight, 1e-30)) +
               u * item.loss + kSmallest;
  for (size_t j = 0; j < entries.size(); ++j) {
    // A share is the product of as many others' shares as there are places before it.
    const double bound = size[j] * (depth + 1) * (error + 2 * u) + 2 * u * std::fabs(value[j]);
    item.gradient.push_back({entries[j], weight / temperature * value[j],
                             weight / temperature * (bound + 3 * u * std::fabs(value[j])) + kSmallest});
  }
  return item;
}

inline ItemReference pairwise_ranking_reference(const LossProblem &problem, const std::vector<double> &s, int64_t g) {
  ItemReference item;
  const std::vector<int64_t> entries = valid_entries(problem, g);
  const double weight = problem.weight.at(g), beta = problem.beta.at(g), u = kLossUnit;
  std::vector<double> value(s.size(), 0), bound(s.size(), 0);
  double pairs = 0;
  for (const int64_t i : entries) {
    for (const int64_t j : entries) {
      const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
      if (problem.ranks[a] >= problem.ranks[b]) continue;
      ++pairs;
      const double z = beta * (s[a] - s[b]), slope = sigmoid64(-z), error = 2 * u * std::fabs(z);
      item.loss += softplus64(-z);
      item.bound += slope * error + kFunction * softplus64(-z);
      const double part = slope * sigmoid64(z) * error + kFunction * slope;
      value[a] -= slope, value[b] += slope;
      bound[a] += part + 12 * u * slope, bound[b] += part + 12 * u * slope;
    }
  }
  if (pairs == 0) return item;
  item.valid = true;
  item.loss *= weight / pairs;
  item.bound = weight / pairs * item.bound + (levels(static_cast<int64_t>(pairs)) + 4) * u * item.loss + kSmallest;
  for (const int64_t n : entries) {
    const auto k = static_cast<size_t>(n);
    const double scale = weight * beta / pairs;
    item.gradient.push_back({n, scale * value[k], scale * (bound[k] + 6 * u * std::fabs(value[k])) + kSmallest});
  }
  return item;
}

inline ItemReference step_ranking_reference(const LossProblem &problem, const std::vector<double> &s, int64_t g) {
  ItemReference item;
  const std::vector<int64_t> entries = valid_entries(problem, g);
  if (entries.empty()) return item;
  item.valid = true;
  const double zeta = problem.zeta.at(g), u = kLossUnit;
  std::vector<double> set{0};
  std::vector<int64_t> wrong, correct;
  double magnitude = 0, rounding = 0;
  for (const int64_t n : entries) {
    const double score = s[static_cast<size_t>(n)];
    const bool is_correct = problem.labels[static_cast<size_t>(n)] != 0;
    (is_correct ? correct : wrong).push_back(n);
    if (!is_correct) set.push_back(score + zeta);
    magnitude = std::fmax(magnitude, std::fabs(score) + std::fabs(zeta));
    rounding = std::fmax(rounding, u * std::fabs(score + zeta));
  }
  const double error = set_error(entries.size() + 1, 2 * magnitude, rounding);
  const double parts = static_cast<double>((wrong.empty() ? 0 : 1) + correct.size());
  const double weight = problem.weight.at(g) / parts;
  std::vector<double> sums{log_sum64(set)};
  if (!wrong.empty()) {
    item.loss += sums[0];
    item.bound += error + 4 * u * std::fabs(sums[0]);
  }
  for (const int64_t n : correct) {
    set.push_back(s[static_cast<size_t>(n)]);
    sums.push_back(log_sum64(set));
    item.loss += sums.back() - s[static_cast<size_t>(n)];
    item.bound += error;
  }
  item.bound = weight * (item.bound + (levels(static_cast<int64_t>(parts)) + 6) * u * item.loss) + kSmallest;
  item.loss *= weight;
  const double depth = static_cast<double>(correct.size() + 2);
  const auto add = [&](int64_t n, double value, double size) {
    item.gradient.push_back(
        {n, weight * value, weight * (size * depth * (error + 2 * u) + 6 * u * std::fabs(value)) + kSmallest});
  };
  for (const int64_t n : wrong) {
    double value = 0;
    for (const double sum : sums) value += std::exp(s[static_cast<size_t>(n)] + zeta - sum);
    add(n, value, value);
  }
  for (size_t t = 0; t < correct.size(); ++t) {
    const double score = s[static_cast<size_t>(correct[t])];
    // share - 1 in the step's own set is minus the others' share, which is that of the set before it.
    const double others = std::exp(sums[t] - sums[t + 1]);
    double value = -others, size = others;
    for (size_t k = t + 1; k < correct.size(); ++k) {
      value += std::exp(score - sums[k + 1]);
      size += std::exp(score - sums[k + 1]);
    }
    add(correct[t], value, size);
  }
  return item;
}

inline ItemReference ordinal_reference(const LossProblem &problem, const std::vector<double> &s, int64_t p) {
  ItemReference item;
  const int64_t levels_of_row = problem.classes;
  const int64_t i = problem.pairs[static_cast<size_t>(2 * p)], j = problem.pairs[static_cast<size_t>(2 * p + 1)];
  std::vector<double> chosen, rejected;
  double largest = 0;
  for (int64_t k = 0; k < levels_of_row; ++k) {
    if (!problem.is_valid(i * levels_of_row + k) || !problem.is_valid(j * levels_of_row + k)) return item;
    chosen.push_back(s[static_cast<size_t>(i * levels_of_row + k)]);
    rejected.push_back(s[static_cast<size_t>(j * levels_of_row + k)]);
  }
  item.valid = true;
  const auto [low, high] = std::minmax_element(chosen.begin(), chosen.end());
  const auto [low2, high2] = std::minmax_element(rejected.begin(), rejected.end());
  const double u = kLossUnit, weight = problem.weight.at(p);
  largest = (*high - *low) + (*high2 - *low2);
  const auto classes = static_cast<size_t>(levels_of_row);
  const auto admitted = [&](size_t a, size_t b) {
    return problem.admissible.empty() ? (a > b ? 1.0 : 0.0) : static_cast<double>(problem.admissible[a * classes + b]);
  };
  std::vector<double> joint(classes * classes), all;
  for (size_t a = 0; a < classes; ++a) {
    for (size_t b = 0; b < classes; ++b) {
      joint[a * classes + b] = admitted(a, b) > 0 ? std::log(admitted(a, b)) + chosen[a] + rejected[b] : -INFINITY;
    }
  }
  const double log_joint = log_sum64(joint), log_chosen = log_sum64(chosen), log_rejected = log_sum64(rejected);
  item.loss = weight * ((log_chosen + log_rejected) - log_joint);
  // Two sets one inside the other, the logarithms of the weights (below 2^7), and the sums of up to four numbers of that size.
  const double error = 3 * set_error(classes, largest, u * largest) + 8 * u * (largest + 128);
  item.bound = weight * error + 4 * u * item.loss + kSmallest;
  for (size_t k = 0; k < classes; ++k) {
    double chosen_posterior = 0, rejected_posterior = 0;
    for (size_t other = 0; other < classes; ++other) {
      chosen_posterior += std::exp(joint[k * classes + other] - log_joint);
      rejected_posterior += std::exp(joint[other * classes + k] - log_joint);
    }
    const double chosen_prior = std::exp(chosen[k] - log_chosen), rejected_prior = std::exp(rejected[k] - log_rejected);
    const auto add = [&](int64_t row, double prior, double posterior) {
      item.gradient.push_back({row * levels_of_row + static_cast<int64_t>(k), weight * (prior - posterior),
                               weight * ((prior + posterior) * (error + 4 * u)) + kSmallest});
    };
    add(i, chosen_prior, chosen_posterior);
    add(j, rejected_prior, rejected_posterior);
  }
  return item;
}

}  // namespace gavel::test

#endif
