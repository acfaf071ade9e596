// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PAIRWISE_RANKING in blocks: sixteen groups side by side, one a lane. Groups too large for a lane are done one after the other: each entry with
// sixteen others at a time.
#include <algorithm>

#include "cpu/ranked_groups.h"
#include "cpu/term_sum.h"

namespace gavel {

namespace {

constexpr int64_t kFewGroups = 4;
constexpr int64_t kFewEntries = 12;

bool surely_right(LossPlan &plan, const Kernels &) {
  return !has_mask(plan) && groups_right(plan);
}

// Each entry with all others of its group.
float run_rows(const LossRun &run, int64_t item, const ScoreGroup &group) {
  const LossPlan &plan = run.plan;
  const auto rank = [&](int64_t n) { return load_index(plan.ranks + n); };
  RankNumbers numbers;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (plan.is_valid(n)) numbers.add(rank(n));
  }
  if (!numbers.are_exact()) return run_plain(run, item);
  alignas(64) float scores[kLossBlock], ranks[kLossBlock], terms[kLossBlock], slopes[kLossBlock];
  RankingRow row{};
  row.scores = scores;
  row.ranks = ranks;
  row.beta = plan.beta.at(item);
  // body(places of the block's entries) behind the kernel, for the entries from `begin` to `end` that are valid, but `but`.
  const auto for_each_block = [&](int64_t end, int64_t but, auto &&body) {
    int64_t n = group.begin;
    while (n < end) {
      row.count = 0;
      for (; n < end && row.count < kLossBlock; ++n) {
        if (n == but || !plan.is_valid(n)) continue;
        scores[row.count] = plan.score(n);
        ranks[row.count++] = numbers.at(rank(n));
      }
      run.kernels.ranking_row(&row, terms, slopes);
      body();
    }
  };
  int64_t pairs = 0;
  TermSum losses(run.kernels);
  for (int64_t later = group.begin; later < group.end; ++later) {
    if (!plan.is_valid(later)) continue;
    row.score = plan.score(later), row.rank = numbers.at(rank(later));
    for_each_block(later, later, [&] {
      losses.add(terms, row.count);
      for (int64_t k = 0; k < row.count; ++k) pairs += ranks[k] != row.rank;
    });
  }
  // Ranks that another thread made equal meanwhile.
  if (pairs == 0) return 0.0f;
  const float share = plan.weight.at(item) / static_cast<float>(pairs);
  for (int64_t one = group.begin; plan.dscore != nullptr && one < group.end; ++one) {
    if (!plan.is_valid(one)) continue;
    row.score = plan.score(one), row.rank = numbers.at(rank(one));
    TermSum gradient(run.kernels);
    for_each_block(group.end, one, [&] { gradient.add(slopes, row.count); });
    plan.dscore[one] += run.scale * (share * (row.beta * gradient.total()));
  }
  return share * losses.total();
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) groups[k] = read_group(run.plan, begin + k);
  // Most lanes would be empty.
  if (run.plan.items < kFewGroups) {
    for (int64_t k = 0; k < count; ++k) {
      if (valid != nullptr && valid[k] == 0) continue;
      loss[k] = groups[k].end - groups[k].begin < kFewEntries ? run_plain(run, begin + k) : run_rows(run, begin + k, groups[k]);
    }
    return;
  }
  run_ranked(
      run, begin, groups, count, valid, loss,
      [&](const RankedGroups &ranked, auto &&read_number) {
        alignas(64) float beta[kGroupLanes];
        read_number(run.plan.beta, beta);
        const RankingBlock block = {ranked, beta};
        run.kernels.ranking_block(&block);
      },
      [&](int64_t item, const ScoreGroup &group) { return run_rows(run, item, group); });
}

}  // namespace

const LossBlocks kPairwiseRankingBlocks = {1, surely_right, find_valid_items, 5, always_disjoint, run};

}  // namespace gavel
