// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// ranked_groups.h: groups whose entries have ranks, sixteen side by side: where they lie if they can be taken from there, else copied into lanes.
#ifndef GAVEL_CPU_RANKED_GROUPS_H
#define GAVEL_CPU_RANKED_GROUPS_H

#include <algorithm>

#include "cpu/group_lanes.h"

namespace gavel {

// Ranks less the lowest of them, as floats, which compare as the ranks do where these are not too far apart.
class RankNumbers {
 public:
  void add(int64_t rank) {
    lowest_ = std::min(lowest_, rank);
    highest_ = std::max(highest_, rank);
  }
  // False, too, where there is none.
  bool are_exact() const {
    constexpr uint64_t kMost = uint64_t{1} << 24;  // up to it all whole numbers are floats
    return lowest_ <= highest_ && static_cast<uint64_t>(highest_) - static_cast<uint64_t>(lowest_) <= kMost;
  }
  float at(int64_t rank) const {
    return static_cast<float>(static_cast<int64_t>(static_cast<uint64_t>(rank) - static_cast<uint64_t>(lowest_)));
  }

 private:
  int64_t lowest_ = INT64_MAX;
  int64_t highest_ = INT64_MIN;
};

// evaluate(groups, read_number): calls a kernel; read_number(PerItem, numbers) reads the numbers of the groups, [kGroupLanes].
template <typename Evaluate>
class RankedLanes : public LaneGroups {
 public:
  RankedLanes(const LossRun &run, Evaluate &evaluate) : LaneGroups(run), evaluate_(evaluate) {}

  bool add(int64_t item, const ScoreGroup &group, float *loss) {
    const LaneGroup &lane = next(item, group, loss);
    int64_t ranks[kLaneEntries];
    RankNumbers numbers;
    for (int64_t k = 0; k < lane.size; ++k) numbers.add(ranks[k] = load_index(plan_.ranks + lane.score(k)));
    if (!numbers.are_exact()) return false;
    for (int64_t k = 0; k < lane.size; ++k) ranks_[k * kGroupLanes + count()] = numbers.at(ranks[k]);
    take();
    return true;
  }

  void finish() {
    int64_t entries = 1;
    alignas(64) float sizes[kGroupLanes] = {}, weight[kGroupLanes], loss[kGroupLanes];
    for (int64_t l = 0; l < count(); ++l) {
      sizes[l] = static_cast<float>(lane(l).size);
      entries = std::max(entries, lane(l).size);
    }
    read_number(plan_.weight, weight);
    const auto row = [](int64_t, int64_t k) { return k; };
    read_scores(scores_, entries, row);
    evaluate_(RankedGroups{.entries = entries,
                           .entry_step = kGroupLanes,
                           .lane_step = 1,
                           .scores = scores_,
                           .ranks = ranks_,
                           .sizes = sizes,
                           .weight = weight,
                           .scale = run_.scale,
                           .loss = loss,
                           .dscore = plan_.dscore != nullptr ? dscore_ : nullptr},
              [&](const PerItem &number, float *numbers) { read_number(number, numbers); });
    write(loss, dscore_, row);
  }

 private:
  static constexpr int64_t kPlaces = kLaneEntries * kGroupLanes;
  Evaluate &evaluate_;
  // Where a lane has no entry, the rank of another group may be left: it is never looked at.
  alignas(64) float scores_[kPlaces], ranks_[kPlaces] = {}, dscore_[kPlaces];
};

// Sixteen groups that are a row (is_row). False where their ranks are too far apart. loss: [kGroupLanes].
template <typename Evaluate>
bool run_ranked_row(const LossRun &run, int64_t item, const ScoreGroup *groups, float *loss, Evaluate &evaluate) {
  const LossPlan &plan = run.plan;
  const int64_t begin = groups->begin, size = groups->end - begin, entries = size * kGroupLanes;
  int64_t ranks[kLaneEntries * kGroupLanes];
  alignas(64) float rank_numbers[kLaneEntries * kGroupLanes], sizes[kGroupLanes], weight[kGroupLanes];
  RankNumbers numbers;
  for (int64_t k = 0; k < entries; ++k) numbers.add(ranks[k] = load_index(plan.ranks + begin + k));
  if (!numbers.are_exact()) return false;
  for (int64_t k = 0; k < entries; ++k) rank_numbers[k] = numbers.at(ranks[k]);
  const auto read_number = [&](const PerItem &number, float *to) {
    for (int64_t l = 0; l < kGroupLanes; ++l) to[l] = number.at(item + l);
  };
  std::fill_n(sizes, kGroupLanes, static_cast<float>(size));
  read_number(plan.weight, weight);
  evaluate(RankedGroups{.entries = size,
                        .entry_step = 1,
                        .lane_step = size,
                        .scores = plan.scores + begin,
                        .ranks = rank_numbers,
                        .sizes = sizes,
                        .weight = weight,
                        .scale = run.scale,
                        .loss = loss,
                        .dscore = plan.dscore == nullptr ? nullptr : plan.dscore + begin},
           read_number);
  return true;
}

// large(item, group): the loss of a group that cannot stand in a lane.
template <typename Evaluate, typename Large>
void run_ranked(const LossRun &run, int64_t begin, const ScoreGroup *groups, int64_t count, const uint8_t *valid, float *loss,
                Evaluate &&evaluate, Large &&large) {
  int64_t done = 0;
  while (is_row(run.plan, groups, count, valid, done) &&
         run_ranked_row(run, begin + done, groups + done, loss + done, evaluate)) {
    done += kGroupLanes;
  }
  RankedLanes<Evaluate> lanes(run, evaluate);
  run_sorted(lanes, begin + done, groups + done, count - done, valid == nullptr ? nullptr : valid + done, loss + done, large);
}

}  // namespace gavel

#endif
