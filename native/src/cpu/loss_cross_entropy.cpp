// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// CROSS_ENTROPY in blocks: sixteen groups side by side, one a lane, of about the same size. Groups share no score, so it does not matter
// which are done first. Those too large for a lane are done one after the other, sixteen entries at a time.
#include <algorithm>

#include "common/numeric.h"
#include "common/target_entry.h"
#include "cpu/group_lanes.h"
#include "cpu/term_sum.h"

namespace gavel {

namespace {

bool surely_right(LossPlan &plan, const Kernels &) {
  // Masks make it a question where the targets are.
  if (has_mask(plan)) return false;
  int64_t end = load_index(plan.offsets);
  bool right = end == 0;
  for (int64_t item = 0; item < plan.items; ++item) {
    const int64_t begin = end;
    end = load_index(plan.offsets + item + 1);
    right &= begin <= end && end <= plan.score_count;
    if (plan.target_index == nullptr || end - begin < 2) continue;
    const int64_t target = load_index(plan.target_index + item);
    right &= target >= 0 && target < end - begin;
  }
  right &= end == plan.score_count;
  for (int64_t n = 0; plan.target_weights != nullptr && n < plan.score_count; ++n) {
    right &= plan.target_weights[n] >= 0.0f && plan.target_weights[n] <= __FLT_MAX__;
  }
  return right;
}

int64_t find_valid(const LossPlan &plan, const Kernels &, int64_t begin, int64_t count, uint8_t *valid) {
  const bool all = !has_mask(plan);
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    const ScoreGroup group = read_group(plan, begin + k);
    valid[k] = all ? group.end - group.begin >= 2 : plan.family->valid(plan, begin + k);
    found += valid[k];
  }
  return found;
}

// What sixteen groups are besides their entries.
struct LaneNumbers {
  alignas(64) float sizes[kGroupLanes], target_entry[kGroupLanes], weight[kGroupLanes], temperature[kGroupLanes];

  void set(const LossPlan &plan, int64_t lane, int64_t item, int64_t size, int64_t target) {
    sizes[lane] = static_cast<float>(size);
    target_entry[lane] = static_cast<float>(target);
    weight[lane] = plan.weight.at(item);
    temperature[lane] = plan.temperature.at(item);
  }
  GroupBlock block(int64_t entries, float scale, float *loss) const {
    GroupBlock block{};
    block.entries = entries;
    block.sizes = sizes;
    block.target_entry = target_entry;
    block.weight = weight;
    block.temperature = temperature;
    block.scale = scale;
    block.loss = loss;
    return block;
  }
};

int64_t target_of(const LossPlan &plan, int64_t item, const ScoreGroup &group) {
  return plan.target_index == nullptr ? -1 : read_target_entry(plan, item, group.end - group.begin);
}

// Sixteen whole groups of one size, which lie one behind the other: where they are. loss: [lanes].
void run_row(const LossRun &run, int64_t item, const ScoreGroup *groups, float *loss) {
  const LossPlan &plan = run.plan;
  const int64_t begin = groups->begin, size = groups->end - begin;
  LaneNumbers numbers;
  for (int64_t lane = 0; lane < kGroupLanes; ++lane) {
    numbers.set(plan, lane, item + lane, size, target_of(plan, item + lane, groups[lane]));
  }
  GroupBlock block = numbers.block(size, run.scale, loss);
  block.entry_step = 1;
  block.lane_step = size;
  block.scores = plan.scores + begin;
  block.targets = plan.target_weights == nullptr ? nullptr : plan.target_weights + begin;
  block.dscore = plan.dscore == nullptr ? nullptr : plan.dscore + begin;
  run.kernels.group_block(&block);
}

// Groups of any size and with any mask, copied into the lanes.
class GroupLanes {
 public:
  explicit GroupLanes(const LossRun &run) : run_(run), masked_(has_mask(run.plan)) {}

  void add(int64_t item, const ScoreGroup &group, float *loss) {
    const LossPlan &plan = run_.plan;
    const int64_t lane = count_++;
    const int64_t target = target_of(plan, item, group);
    int64_t size = 0, target_entry = -1;
    for (int64_t n = group.begin; n < group.end; ++n) {
      if (masked_ && !plan.is_valid(n)) continue;
      const int64_t at = size * kGroupLanes + lane;
      if (masked_) places_[at] = n;
      scores_[at] = plan.score(n);
      if (plan.target_weights != nullptr) targets_[at] = plan.target_weights[n];
      if (n == group.begin + target) target_entry = size;
      ++size;
    }
    numbers_.set(plan, lane, item, size, target_entry);
    begins_[lane] = group.begin;
    ends_[lane] = size;
    loss_of_[lane] = loss;
    if (count_ == kGroupLanes) finish();
  }

  void finish() {
    if (count_ == 0) return;
    const int64_t entries = std::max<int64_t>(1, *std::max_element(ends_, ends_ + count_));
    for (int64_t lane = 0; lane < kGroupLanes; ++lane) {
      if (lane >= count_) {
        numbers_.sizes[lane] = 0, numbers_.weight[lane] = 0, numbers_.temperature[lane] = 1, numbers_.target_entry[lane] = -1;
        ends_[lane] = 0;
      }
      for (int64_t e = ends_[lane]; e < entries; ++e) scores_[e * kGroupLanes + lane] = targets_[e * kGroupLanes + lane] = 0;
    }
    alignas(64) float loss[kGroupLanes];
    GroupBlock block = numbers_.block(entries, run_.scale, loss);
    block.entry_step = kGroupLanes;
    block.lane_step = 1;
    block.scores = scores_;
    block.targets = run_.plan.target_weights != nullptr ? targets_ : nullptr;
    float *gradient = run_.plan.dscore;
    block.dscore = gradient != nullptr ? dscore_ : nullptr;
    run_.kernels.group_block(&block);
    for (int64_t lane = 0; lane < count_; ++lane) {
      *loss_of_[lane] = loss[lane];
      for (int64_t e = 0; gradient != nullptr && e < ends_[lane]; ++e) {
        const int64_t at = e * kGroupLanes + lane;
        gradient[masked_ ? places_[at] : begins_[lane] + e] = dscore_[at];
      }
    }
    count_ = 0;
  }

 private:
  static constexpr int64_t kPlaces = kLaneEntries * kGroupLanes;
  const LossRun &run_;
  const bool masked_;
  int64_t count_ = 0;
  LaneNumbers numbers_;
  alignas(64) float scores_[kPlaces], targets_[kPlaces], dscore_[kPlaces];
  int64_t places_[kPlaces];
  int64_t begins_[kGroupLanes], ends_[kGroupLanes];
  float *loss_of_[kGroupLanes];
};

// A group of any size, entry by entry. Where entries are masked the others are copied together, a block at a time: positions count them alone.
class LargeGroup {
 public:
  LargeGroup(const LossRun &run, int64_t item, const ScoreGroup &group)
      : run_(run), plan_(run.plan), group_(group), target_(target_of(run.plan, item, group)), masked_(has_mask(run.plan)) {
    block_.weight = plan_.weight.at(item);
    block_.temperature = plan_.temperature.at(item);
    block_.scale = run.scale;
  }

  float evaluate() {
    find_largest();
    if (leader_ < 0) return 0.0f;
    TermSum rest(run_.kernels), targets(run_.kernels), losses(run_.kernels);
    alignas(64) float values[kLossBlock], dscore[kLossBlock];
    for_each_block([&] {
      run_.kernels.entry_powers(&block_, values);
      rest.add(values, block_.count);
    });
    block_.rest = rest.total();
    block_.log_sum = log_one_plus(block_.rest);
    if (plan_.target_weights != nullptr) {
      for_each_block([&] {
        std::copy_n(block_.targets, block_.count, values);
        const int64_t largest = block_.largest_target_entry;
        if (largest >= 0 && largest < block_.count) values[largest] = 0.0f;
        targets.add(values, block_.count);
      });
    }
    block_.other_targets = targets.total();
    for_each_block([&] {
      run_.kernels.entry_block(&block_, values, dscore);
      losses.add(values, block_.count);
      for (int64_t k = 0; plan_.dscore != nullptr && k < block_.count; ++k) plan_.dscore[places_[k]] = dscore[k];
    });
    // A group without any target has loss 0, but not with a NaN score in it.
    return is_nan(block_.rest) ? block_.rest : block_.weight * losses.total();
  }

 private:
  // As first_largest of common/loss_cross_entropy.cpp. Positions count the entries that are not masked.
  void find_largest() {
    int64_t position = 0;
    for (int64_t n = group_.begin; n < group_.end; ++n) {
      if (masked_ && !plan_.is_valid(n)) continue;
      const float score = plan_.score(n);
      const float target = plan_.target_weights != nullptr ? plan_.target_weights[n]
                           : n == group_.begin + target_   ? 1.0f
                                                           : 0.0f;
      if (leader_ < 0 || score > block_.leader) leader_ = position, block_.leader = score;
      if (largest_target_ < 0 || target > block_.largest_target) largest_target_ = position, block_.largest_target = target;
      if (n == group_.begin + target_) target_position_ = position;
      ++position;
    }
  }

  template <typename Body>
  void for_each_block(Body &&body) {
    int64_t first = 0, n = group_.begin;
    while (n < group_.end) {
      int64_t count = 0;
      for (; n < group_.end && count < kLossBlock; ++n) {
        if (masked_ && !plan_.is_valid(n)) continue;
        scores_[count] = plan_.score(n);
        if (plan_.target_weights != nullptr) targets_[count] = plan_.target_weights[n];
        places_[count++] = n;
      }
      block_.count = count;
      block_.scores = scores_;
      block_.targets = plan_.target_weights != nullptr ? targets_ : nullptr;
      block_.leader_entry = leader_ - first;
      block_.largest_target_entry = largest_target_ - first;
      block_.target_entry = target_position_ - first;
      body();
      first += count;
    }
  }

  const LossRun &run_;
  const LossPlan &plan_;
  const ScoreGroup group_;
  const int64_t target_;
  const bool masked_;
  int64_t leader_ = -1, largest_target_ = -1, target_position_ = -1;
  EntryBlock block_{};
  alignas(64) float scores_[kLossBlock], targets_[kLossBlock];
  int64_t places_[kLossBlock];
};

// Groups that do not lie in rows.
void run_others(const LossRun &run, int64_t begin, int64_t count, const ScoreGroup *groups, const uint8_t *valid, float *loss) {
  GroupLanes lanes(run);
  for_each_by_size(
      groups, count, valid, [&](int64_t k) { lanes.add(begin + k, groups[k], loss + k); },
      [&](int64_t k) { loss[k] = LargeGroup(run, begin + k, groups[k]).evaluate(); });
  lanes.finish();
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) groups[k] = read_group(run.plan, begin + k);
  int64_t done = 0;
  while (is_row(run.plan, groups, count, valid, done)) {
    run_row(run, begin + done, groups + done, loss + done);
    done += kGroupLanes;
  }
  if (done < count) {
    run_others(run, begin + done, count - done, groups + done, valid == nullptr ? nullptr : valid + done, loss + done);
  }
}

}  // namespace

const LossBlocks kCrossEntropyBlocks = {8, surely_right, find_valid, 2.5, always_disjoint, run};

}  // namespace gavel
