// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// group_lanes.h: which groups of a block stand side by side in the lanes of a kernel. Groups share no score, so it does not matter which are
// done first.
#ifndef GAVEL_CPU_GROUP_LANES_H
#define GAVEL_CPU_GROUP_LANES_H

#include <algorithm>

#include "common/score_groups.h"
#include "cpu/loss_run.h"

namespace gavel {

inline bool has_mask(const LossPlan &plan) {
  return plan.mask != nullptr || plan.valid != nullptr;
}

// Whether the offsets are right.
inline bool groups_right(const LossPlan &plan) {
  int64_t end = load_index(plan.offsets);
  bool right = end == 0;
  for (int64_t item = 0; item < plan.items; ++item) {
    const int64_t begin = end;
    end = load_index(plan.offsets + item + 1);
    right &= begin <= end && end <= plan.score_count;
  }
  return right && end == plan.score_count;
}

// small(k) for each group k that fits a lane and is valid, large(k) for each other valid one: in the order of their sizes, as a lane takes as
// long as the longest beside it. count <= kLossBlock; valid: [count], null where all are.
template <typename Small, typename Large>
void for_each_by_size(const ScoreGroup *groups, int64_t count, const uint8_t *valid, Small &&small, Large &&large) {
  int64_t next[kLaneEntries + 3] = {};  // next[s]: where those of size s go on; all that are too large are one size
  const auto size = [&](int64_t k) { return std::min(groups[k].end - groups[k].begin, kLaneEntries + 1); };
  for (int64_t k = 0; k < count; ++k) ++next[size(k) + 1];
  for (int64_t s = 0; s <= kLaneEntries + 1; ++s) next[s + 1] += next[s];
  uint8_t sorted[kLossBlock];
  for (int64_t k = 0; k < count; ++k) sorted[next[size(k)]++] = static_cast<uint8_t>(k);
  for (int64_t place = 0; place < count; ++place) {
    const int64_t k = sorted[place];
    if (valid != nullptr && valid[k] == 0) continue;
    if (size(k) <= kLaneEntries) {
      small(k);
    } else {
      large(k);
    }
  }
}

// Whether the sixteen groups from `first` on are whole, of one size, and lie one behind the other, so that a kernel can take them where they
// are. A group whose size is 1 is not valid.
inline bool is_row(const LossPlan &plan, const ScoreGroup *groups, int64_t count, const uint8_t *valid, int64_t first) {
  if (valid != nullptr || plan.score_stride != 1 || has_mask(plan) || first + kGroupLanes > count) return false;
  const ScoreGroup *row = groups + first;
  const int64_t size = row->end - row->begin;
  bool all = size >= 2 && size <= kLaneEntries;
  for (int64_t k = 1; k < kGroupLanes; ++k) all &= row[k].end - row[k].begin == size && row[k].begin == row[k - 1].end;
  return all;
}

// A group that has a lane.
struct LaneGroup {
  int64_t item;
  int64_t begin;
  float *loss;
  int64_t size;
  uint8_t entries[kLaneEntries];  // the valid ones, as distances from `begin`, in the order in which the kernel takes them

  int64_t score(int64_t k) const { return begin + entries[k]; }
};

// Groups that wait for their kernel, one a lane, and the way of their scores there and of their losses back.
class LaneGroups {
 public:
  explicit LaneGroups(const LossRun &run) : run_(run), plan_(run.plan) {}

  int64_t count() const { return count_; }

 protected:
  // The next lane, its entries in their own order. It is taken by take().
  LaneGroup &next(int64_t item, const ScoreGroup &group, float *loss) {
    LaneGroup &lane = lanes_[count_];
    lane.item = item, lane.begin = group.begin, lane.loss = loss, lane.size = 0;
    const bool masked = has_mask(plan_);
    for (int64_t e = 0; e < group.end - group.begin; ++e) {
      lane.entries[lane.size] = static_cast<uint8_t>(e);
      lane.size += !masked || plan_.is_valid(group.begin + e);
    }
    return lane;
  }
  void take() { ++count_; }

  const LaneGroup &lane(int64_t l) const { return lanes_[l]; }

  // numbers: [kGroupLanes]; 1 where no group is.
  void read_number(const PerItem &number, float *numbers) const {
    for (int64_t l = 0; l < kGroupLanes; ++l) numbers[l] = l < count_ ? number.at(lanes_[l].item) : 1.0f;
  }
  // Entry k of lane l goes to row(l, k) of `to` [rows, kGroupLanes], and 0 to all other places.
  template <typename Row>
  void read_scores(float *to, int64_t rows, Row &&row) const {
    std::fill_n(to, rows * kGroupLanes, 0.0f);
    for (int64_t l = 0; l < count_; ++l) {
      for (int64_t k = 0; k < lanes_[l].size; ++k) to[row(l, k) * kGroupLanes + l] = plan_.score(lanes_[l].score(k));
    }
  }
  // The gradients come from where the scores went. Empties the lanes.
  template <typename Row>
  void write(const float *loss, const float *dscore, Row &&row) {
    for (int64_t l = 0; l < count_; ++l) {
      *lanes_[l].loss = loss[l];
      for (int64_t k = 0; plan_.dscore != nullptr && k < lanes_[l].size; ++k) {
        plan_.dscore[lanes_[l].score(k)] = dscore[row(l, k) * kGroupLanes + l];
      }
    }
    count_ = 0;
  }

  const LossRun &run_;
  const LossPlan &plan_;

 private:
  int64_t count_ = 0;
  LaneGroup lanes_[kGroupLanes];
};

// Groups by `lanes`, which takes them one by one, add(item, group, loss), is full at kGroupLanes and empty after finish(). Where add returns
// false, or a group is too large for a lane, large(item, group) evaluates it.
template <typename Lanes, typename Large>
void run_sorted(Lanes &lanes, int64_t begin, const ScoreGroup *groups, int64_t count, const uint8_t *valid, float *loss,
                Large &&large) {
  const auto alone = [&](int64_t k) { loss[k] = large(begin + k, groups[k]); };
  for_each_by_size(
      groups, count, valid,
      [&](int64_t k) {
        if (!lanes.add(begin + k, groups[k], loss + k)) return alone(k);
        if (lanes.count() == kGroupLanes) lanes.finish();
      },
      alone);
  if (lanes.count() > 0) lanes.finish();
}

// As common/loss.cpp does it.
inline float run_plain(const LossRun &run, int64_t item) {
  return run.plan.family->run(run.plan, item, run.scale);
}

}  // namespace gavel

#endif
