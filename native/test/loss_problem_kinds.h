// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_problem_kinds.h: random problems of the losses over targets, rankings, steps and rows.
#ifndef GAVEL_TEST_LOSS_PROBLEM_KINDS_H
#define GAVEL_TEST_LOSS_PROBLEM_KINDS_H

#include <cmath>
#include <numeric>

#include "loss_problem.h"

namespace gavel::test {

inline LossProblem targets_problem(int32_t kind, std::vector<float> scores, std::vector<float> targets) {
  LossProblem problem;
  problem.kind = kind;
  problem.scores = std::move(scores);
  problem.targets = std::move(targets);
  if (kind == GAVEL_LOSS_BCE) problem.positive_weight.scalar = 1;
  if (kind == GAVEL_LOSS_PINBALL) problem.quantile.scalar = 0.5f;
  return problem;
}

inline LossProblem random_targets(Random &random, int32_t kind, int64_t n) {
  LossProblem problem = targets_problem(kind, random_scores(random, n, 3), {});
  for (int64_t k = 0; k < n; ++k) {
    const double target = kind == GAVEL_LOSS_BCE ? random.uniform(0, 1) : random.uniform(-5, 5);
    const int64_t which = random.integer(0, 7);
    problem.targets.push_back(which == 0
                                  ? std::numeric_limits<float>::quiet_NaN()
                                  : static_cast<float>(which < 4 && kind == GAVEL_LOSS_BCE ? std::round(target) : target));
  }
  problem.reduction = static_cast<int32_t>(random.integer(GAVEL_REDUCTION_MEAN_VALID, GAVEL_REDUCTION_WEIGHTED_MEAN));
  problem.weight = random_number(random, n, 0, 2);
  if (kind == GAVEL_LOSS_BCE) problem.positive_weight = random_number(random, n, 0, 4);
  if (kind == GAVEL_LOSS_PINBALL) problem.quantile = random_number(random, n, 0.01, 0.99);
  if (random.integer(0, 1) == 1) problem.mask = random_mask(random, n, 0.8);
  return problem;
}

inline std::vector<int64_t> random_ranks(Random &random, int64_t n, bool ties) {
  std::vector<int64_t> ranks(static_cast<size_t>(n));
  std::iota(ranks.begin(), ranks.end(), 1);
  for (size_t k = ranks.size(); k > 1; --k)
    std::swap(ranks[k - 1], ranks[static_cast<size_t>(random.integer(0, static_cast<int64_t>(k) - 1))]);
  for (size_t k = 0; ties && k < ranks.size(); ++k) ranks[k] = ranks[k] % 3;
  return ranks;
}

// Groups, scores, mask, weights and reduction as for CROSS_ENTROPY.
inline LossProblem random_ranked(Random &random, int32_t kind, int64_t count, int64_t longest) {
  LossProblem problem = random_groups(random, count, longest);
  problem.kind = kind;
  problem.target_index.clear();
  problem.target_weights.clear();
  if (kind != GAVEL_LOSS_PLACKETT_LUCE) problem.temperature = {};
  const auto n = static_cast<int64_t>(problem.scores.size());
  if (kind == GAVEL_LOSS_PLACKETT_LUCE) {
    problem.ranks = random_ranks(random, n, false);
    problem.top_k = random.integer(0, 5);
  } else if (kind == GAVEL_LOSS_PAIRWISE_RANKING) {
    problem.ranks = random_ranks(random, n, random.integer(0, 1) == 1);
    problem.beta = random_number(random, count, 0.2, 3);
  } else {
    problem.labels = random_mask(random, n, 0.6);
    for (uint8_t &label : problem.labels) label = label != 0;
    problem.zeta = random_number(random, count, -1, 5);
  }
  return problem;
}

inline LossProblem random_ordinal(Random &random, int64_t rows, int64_t count) {
  LossProblem problem;
  problem.kind = GAVEL_LOSS_ORDINAL;
  problem.classes = random.integer(2, 12);
  problem.scores = random_scores(random, rows * problem.classes, 3);
  for (int64_t p = 0; p < count; ++p) {
    const int64_t chosen = random.integer(0, rows - 1);
    problem.pairs.insert(problem.pairs.end(), {chosen, (chosen + random.integer(1, rows - 1)) % rows});
  }
  problem.reduction = static_cast<int32_t>(random.integer(GAVEL_REDUCTION_MEAN_VALID, GAVEL_REDUCTION_WEIGHTED_MEAN));
  problem.weight = random_number(random, count, 0, 2);
  if (random.integer(0, 1) == 1) problem.mask = random_mask(random, rows * problem.classes, 0.97);
  if (random.integer(0, 1) == 1) {
    for (int64_t k = 0; k < problem.classes * problem.classes; ++k) {
      problem.admissible.push_back(random.integer(0, 2) == 0 ? 0 : static_cast<float>(random.uniform(0, 2)));
    }
    problem.admissible[0] = 1;
  }
  return problem;
}

}  // namespace gavel::test

#endif
