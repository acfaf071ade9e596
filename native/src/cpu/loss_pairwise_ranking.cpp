// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PAIRWISE_RANKING in blocks: sixteen groups side by side, one a lane. Groups too large for a lane are done one after the other: each entry with
// sixteen others at a time.
#include <algorithm>

#include "cpu/group_lanes.h"
#include "cpu/term_sum.h"

namespace gavel {

namespace {

// Up to it all whole numbers are floats.
constexpr uint64_t kMostRank = uint64_t{1} << 24;

constexpr int64_t kFewGroups = 4;
constexpr int64_t kFewEntries = 12;

bool surely_right(LossPlan &plan, const Kernels &) {
  return !has_mask(plan) && groups_right(plan);
}

// Ranks less the lowest of their group, as floats: they compare as the ranks do.
float number_of(int64_t rank, int64_t lowest) {
  return static_cast<float>(static_cast<int64_t>(static_cast<uint64_t>(rank) - static_cast<uint64_t>(lowest)));
}

bool close_enough(int64_t lowest, int64_t highest) {
  return static_cast<uint64_t>(highest) - static_cast<uint64_t>(lowest) <= kMostRank;
}

class RankingLanes : public LaneGroups {
 public:
  using LaneGroups::LaneGroups;

  bool add(int64_t item, const ScoreGroup &group, float *loss) {
    const LaneGroup &lane = next(item, group, loss);
    // A mask that another thread changed meanwhile.
    if (lane.size == 0) return false;
    int64_t ranks[kLaneEntries];
    for (int64_t k = 0; k < lane.size; ++k) ranks[k] = load_index(plan_.ranks + lane.score(k));
    const int64_t lowest = *std::min_element(ranks, ranks + lane.size);
    if (!close_enough(lowest, *std::max_element(ranks, ranks + lane.size))) return false;
    for (int64_t k = 0; k < lane.size; ++k) ranks_[k * kGroupLanes + count()] = number_of(ranks[k], lowest);
    take();
    return true;
  }

  void finish() {
    int64_t entries = 1;
    alignas(64) float sizes[kGroupLanes] = {}, beta[kGroupLanes], weight[kGroupLanes], loss[kGroupLanes];
    for (int64_t l = 0; l < count(); ++l) {
      sizes[l] = static_cast<float>(lane(l).size);
      entries = std::max(entries, lane(l).size);
    }
    read_number(plan_.beta, beta);
    read_number(plan_.weight, weight);
    const auto row = [](int64_t, int64_t k) { return k; };
    read_scores(scores_, entries, row);
    const RankingBlock block = {.entries = entries,
                                .entry_step = kGroupLanes,
                                .lane_step = 1,
                                .scores = scores_,
                                .ranks = ranks_,
                                .sizes = sizes,
                                .beta = beta,
                                .weight = weight,
                                .scale = run_.scale,
                                .loss = loss,
                                .dscore = plan_.dscore != nullptr ? dscore_ : nullptr};
    run_.kernels.ranking_block(&block);
    write(loss, dscore_, row);
  }

 private:
  static constexpr int64_t kPlaces = kLaneEntries * kGroupLanes;
  // Where a lane has no entry, the rank of another group may be left: it is never looked at.
  alignas(64) float scores_[kPlaces], ranks_[kPlaces] = {}, dscore_[kPlaces];
};

// Each entry with all others of its group.
float run_rows(const LossRun &run, int64_t item, const ScoreGroup &group) {
  const LossPlan &plan = run.plan;
  int64_t lowest = INT64_MAX, highest = INT64_MIN;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (!plan.is_valid(n)) continue;
    const int64_t rank = load_index(plan.ranks + n);
    lowest = std::min(lowest, rank), highest = std::max(highest, rank);
  }
  if (lowest > highest || !close_enough(lowest, highest)) return run_plain(run, item);
  const auto number = [&](int64_t n) { return number_of(load_index(plan.ranks + n), lowest); };
  alignas(64) float scores[kLossBlock], numbers[kLossBlock], terms[kLossBlock], slopes[kLossBlock];
  RankingRow row{};
  row.scores = scores;
  row.ranks = numbers;
  row.beta = plan.beta.at(item);
  // body(places of the block's entries) behind the kernel, for the entries from `begin` to `end` that are valid, but `but`.
  const auto for_each_block = [&](int64_t end, int64_t but, auto &&body) {
    int64_t n = group.begin;
    while (n < end) {
      row.count = 0;
      for (; n < end && row.count < kLossBlock; ++n) {
        if (n == but || !plan.is_valid(n)) continue;
        scores[row.count] = plan.score(n);
        numbers[row.count++] = number(n);
      }
      run.kernels.ranking_row(&row, terms, slopes);
      body();
    }
  };
  int64_t pairs = 0;
  TermSum losses(run.kernels);
  for (int64_t later = group.begin; later < group.end; ++later) {
    if (!plan.is_valid(later)) continue;
    row.score = plan.score(later), row.rank = number(later);
    for_each_block(later, later, [&] {
      losses.add(terms, row.count);
      for (int64_t k = 0; k < row.count; ++k) pairs += numbers[k] != row.rank;
    });
  }
  // Ranks that another thread made equal meanwhile.
  if (pairs == 0) return 0.0f;
  const float share = plan.weight.at(item) / static_cast<float>(pairs);
  for (int64_t one = group.begin; plan.dscore != nullptr && one < group.end; ++one) {
    if (!plan.is_valid(one)) continue;
    row.score = plan.score(one), row.rank = number(one);
    TermSum gradient(run.kernels);
    for_each_block(group.end, one, [&] { gradient.add(slopes, row.count); });
    plan.dscore[one] += run.scale * (share * (row.beta * gradient.total()));
  }
  return share * losses.total();
}

// Sixteen whole groups of one size, which lie one behind the other: scores and gradients where they are. False where their ranks are too far
// apart. loss: [lanes].
bool run_row(const LossRun &run, int64_t item, const ScoreGroup *groups, float *loss) {
  const LossPlan &plan = run.plan;
  const int64_t begin = groups->begin, size = groups->end - begin, entries = size * kGroupLanes;
  int64_t ranks[kLaneEntries * kGroupLanes];
  alignas(64) float numbers[kLaneEntries * kGroupLanes], sizes[kGroupLanes], beta[kGroupLanes], weight[kGroupLanes];
  for (int64_t k = 0; k < entries; ++k) ranks[k] = load_index(plan.ranks + begin + k);
  const int64_t lowest = *std::min_element(ranks, ranks + entries);
  if (!close_enough(lowest, *std::max_element(ranks, ranks + entries))) return false;
  for (int64_t k = 0; k < entries; ++k) numbers[k] = number_of(ranks[k], lowest);
  for (int64_t l = 0; l < kGroupLanes; ++l) {
    sizes[l] = static_cast<float>(size);
    beta[l] = plan.beta.at(item + l);
    weight[l] = plan.weight.at(item + l);
  }
  const RankingBlock block = {.entries = size,
                              .entry_step = 1,
                              .lane_step = size,
                              .scores = plan.scores + begin,
                              .ranks = numbers,
                              .sizes = sizes,
                              .beta = beta,
                              .weight = weight,
                              .scale = run.scale,
                              .loss = loss,
                              .dscore = plan.dscore == nullptr ? nullptr : plan.dscore + begin};
  run.kernels.ranking_block(&block);
  return true;
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
  int64_t done = 0;
  while (is_row(run.plan, groups, count, valid, done) && run_row(run, begin + done, groups + done, loss + done)) {
    done += kGroupLanes;
  }
  run_sorted<RankingLanes>(run, begin + done, groups + done, count - done, valid == nullptr ? nullptr : valid + done,
                           loss + done, [&](int64_t item, const ScoreGroup &group) { return run_rows(run, item, group); });
}

}  // namespace

const LossBlocks kPairwiseRankingBlocks = {1, surely_right, find_valid_items, 5, always_disjoint, run};

}  // namespace gavel
