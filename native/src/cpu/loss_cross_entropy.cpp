// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// CROSS_ENTROPY in blocks: sixteen groups side by side, one a lane, of about the same size. Groups share no score, so it does not matter
// which are done first. Those too large for a lane are done one by one, as in common/loss_cross_entropy.cpp.
#include <algorithm>

#include "common/numeric.h"
#include "common/score_groups.h"
#include "common/target_entry.h"
#include "cpu/loss_run.h"

namespace gavel {

namespace {

bool has_mask(const LossPlan &plan) {
  return plan.mask != nullptr || plan.valid != nullptr;
}

bool surely_right(const LossPlan &plan, const Kernels &) {
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

bool all_of_size(const ScoreGroup *groups, int64_t size) {
  bool all = true;
  for (int64_t k = 0; k < kGroupLanes; ++k) all &= groups[k].end - groups[k].begin == size;
  for (int64_t k = 1; k < kGroupLanes; ++k) all &= groups[k].begin == groups[k - 1].end;
  return all;
}

// Groups that do not lie in rows: into lanes in the order of their sizes, as a lane takes as long as the longest beside it.
void run_sorted(const LossRun &run, int64_t begin, int64_t count, const ScoreGroup *groups, const uint8_t *valid, float *loss) {
  int64_t next[kLaneEntries + 2] = {};  // next[s]: where those of size s go on
  for (int64_t k = 0; k < count; ++k) ++next[std::min(groups[k].end - groups[k].begin, kLaneEntries) + 1];
  for (int64_t size = 0; size <= kLaneEntries; ++size) next[size + 1] += next[size];
  uint8_t sorted[kLossBlock];
  for (int64_t k = 0; k < count; ++k) {
    sorted[next[std::min(groups[k].end - groups[k].begin, kLaneEntries)]++] = static_cast<uint8_t>(k);
  }
  GroupLanes lanes(run);
  for (int64_t place = 0; place < count; ++place) {
    const int64_t k = sorted[place];
    if (valid != nullptr && valid[k] == 0) continue;
    if (groups[k].end - groups[k].begin > kLaneEntries) {
      loss[k] = run.plan.family->run(run.plan, begin + k, run.scale);
    } else {
      lanes.add(begin + k, groups[k], loss + k);
    }
  }
  lanes.finish();
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) groups[k] = read_group(run.plan, begin + k);
  int64_t done = 0;
  if (valid == nullptr && run.plan.score_stride == 1 && !has_mask(run.plan)) {
    for (; done + kGroupLanes <= count; done += kGroupLanes) {
      const int64_t size = groups[done].end - groups[done].begin;
      if (size < 2 || size > kLaneEntries || !all_of_size(groups + done, size)) break;
      run_row(run, begin + done, groups + done, loss + done);
    }
  }
  if (done < count) {
    run_sorted(run, begin + done, count - done, groups + done, valid == nullptr ? nullptr : valid + done, loss + done);
  }
}

}  // namespace

const LossBlocks kCrossEntropyBlocks = {surely_right, find_valid, run};

}  // namespace gavel
