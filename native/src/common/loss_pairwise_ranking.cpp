// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PAIRWISE_RANKING: the mean over all ordered pairs of a group, n^2 of them: a group is the responses of one prompt, not a corpus. Pairs are
// added in the order of their later entry, then of the earlier one, so that an entry behind the others moves none of their places.
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
  const auto pair_of = [&](int64_t one, int64_t other) {
    const int64_t rank = load_index(plan.ranks + one), other_rank = load_index(plan.ranks + other);
    return entry_pair(beta, plan.score(one), plan.score(other), rank<other_rank, rank> other_rank);
  };
  int64_t pairs = 0;
  PairwiseSum losses;
  for (int64_t later = group.begin; later < group.end; ++later) {
    for (int64_t n = group.begin; plan.is_valid(later) && n < later; ++n) {
      if (!plan.is_valid(n)) continue;
      losses.add(pair_of(later, n).loss);
      pairs += load_index(plan.ranks + later) != load_index(plan.ranks + n);
    }
  }
  // Ranks that another thread made equal meanwhile.
  if (pairs == 0) return 0.0f;
  const float share = weight / static_cast<float>(pairs);
  for (int64_t one = group.begin; plan.dscore != nullptr && one < group.end; ++one) {
    if (!plan.is_valid(one)) continue;
    PairwiseSum gradient;
    for (int64_t n = group.begin; n < group.end; ++n) {
      if (n != one && plan.is_valid(n)) gradient.add(pair_of(one, n).dscore);
    }
    plan.dscore[one] += scale * (share * (beta * gradient.total()));
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
