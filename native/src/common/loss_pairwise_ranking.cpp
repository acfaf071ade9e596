// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PAIRWISE_RANKING: the mean over all ordered pairs of a group, n^2 of them: a group is the responses of one prompt, not a corpus.
#include "common/loss_pairwise_ranking.h"

#include "common/error.h"
#include "common/loss.h"
#include "common/pairwise_sum.h"
#include "common/score_groups.h"

namespace gavel {

namespace {

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  take_groups(args, tensors, plan);
  plan.ranks = tensors.input(args.ranks, "loss.ranks", only(GAVEL_I64), {plan.score_count}).as<int64_t>();
}

void check_values(const LossPlan &plan) {
  check_group_bounds(plan);
}

// Pairs whose ranks differ: all but those within one rank. One that differs from the first valid one's is enough to know there are any.
bool valid(const LossPlan &plan, int64_t item) {
  const ScoreGroup group = read_group(plan, item);
  bool found = false;
  int64_t first = 0;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (!plan.is_valid(n)) continue;
    const int64_t rank = load_index(plan.ranks + n);
    if (found && rank != first) return true;
    if (!found) first = rank;
    found = true;
  }
  return false;
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const ScoreGroup group = read_group(plan, item);
  const float beta = plan.beta.at(item);
  const float weight = plan.weight.at(item);
  const auto better = [&](int64_t i, int64_t j) { return load_index(plan.ranks + i) < load_index(plan.ranks + j); };
  int64_t pairs = 0;
  PairwiseSum losses;
  for (int64_t i = group.begin; i < group.end; ++i) {
    if (!plan.is_valid(i)) continue;
    for (int64_t j = group.begin; j < group.end; ++j) {
      if (!plan.is_valid(j) || !better(i, j)) continue;
      losses.add(ranked_pair_loss(beta, plan.score(i), plan.score(j)));
      ++pairs;
    }
  }
  // Ranks that another thread made equal meanwhile.
  if (pairs == 0) return 0.0f;
  const float share = weight / static_cast<float>(pairs);
  for (int64_t i = group.begin; plan.dscore != nullptr && i < group.end; ++i) {
    if (!plan.is_valid(i)) continue;
    PairwiseSum gradient;
    for (int64_t j = group.begin; j < group.end; ++j) {
      if (!plan.is_valid(j)) continue;
      if (better(i, j)) gradient.add(-ranked_pair_slope(beta, plan.score(i), plan.score(j)));
      if (better(j, i)) gradient.add(ranked_pair_slope(beta, plan.score(j), plan.score(i)));
    }
    plan.dscore[i] += scale * (share * (beta * gradient.total()));
  }
  return share * losses.total();
}

}  // namespace

const LossFamily kPairwiseRanking = {.kind = GAVEL_LOSS_PAIRWISE_RANKING,
                                     .name = "PAIRWISE_RANKING",
                                     .with = "with PAIRWISE_RANKING",
                                     .item = "group",
                                     .numbers = kBeta,
                                     .tensors = kOffsets | kRanks,
                                     .check_tensors = check_tensors,
                                     .check_values = check_values,
                                     .valid = valid,
                                     .run = run};

}  // namespace gavel
