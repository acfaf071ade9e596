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

bool surely_right(const LossPlan &plan, const Kernels &) {
  // Masks make it a question where the targets are.
  if (plan.mask != nullptr || plan.valid != nullptr) return false;
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

int64_t find_valid(const LossPlan &plan, int64_t begin, int64_t count, uint8_t *valid) {
  const bool all = plan.mask == nullptr && plan.valid == nullptr;
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    const ScoreGroup group = read_group(plan, begin + k);
    valid[k] = all ? group.end - group.begin >= 2 : plan.family->valid(plan, begin + k);
    found += valid[k];
  }
  return found;
}

// Up to sixteen groups on their way through the kernel.
class GroupLanes {
 public:
  explicit GroupLanes(const LossRun &run) : run_(run) {}

  void add(int64_t item, const ScoreGroup &group, float *loss) {
    const LossPlan &plan = run_.plan;
    const int64_t lane = count_++;
    const int64_t target =
        plan.target_index == nullptr ? -1 : group.begin + read_target_entry(plan, item, group.end - group.begin);
    int64_t size = 0;
    target_entry_[lane] = -1.0f;
    for (int64_t n = group.begin; n < group.end; ++n) {
      if (!plan.is_valid(n)) continue;
      const int64_t at = size * kGroupLanes + lane;
      if (n == target) target_entry_[lane] = static_cast<float>(size);
      scores_[at] = plan.score(n);
      if (plan.target_weights != nullptr) targets_[at] = plan.target_weights[n];
      places_[at] = n;
      ++size;
    }
    sizes_[lane] = static_cast<float>(size);
    weight_[lane] = plan.weight.at(item);
    temperature_[lane] = plan.temperature.at(item);
    loss_of_[lane] = loss;
    size_of_[lane] = size;
    if (count_ == kGroupLanes) finish();
  }

  void finish() {
    if (count_ == 0) return;
    const int64_t entries = std::max<int64_t>(1, *std::max_element(size_of_, size_of_ + count_));
    for (int64_t lane = 0; lane < kGroupLanes; ++lane) {
      if (lane >= count_) sizes_[lane] = 0, weight_[lane] = 0, temperature_[lane] = 1, target_entry_[lane] = -1, size_of_[lane] = 0;
      for (int64_t e = size_of_[lane]; e < entries; ++e) scores_[e * kGroupLanes + lane] = targets_[e * kGroupLanes + lane] = 0;
    }
    const GroupBlock block = {.entries = entries,
                              .scores = scores_,
                              .targets = run_.plan.target_weights != nullptr ? targets_ : nullptr,
                              .sizes = sizes_,
                              .target_entry = target_entry_,
                              .weight = weight_,
                              .temperature = temperature_,
                              .scale = run_.scale,
                              .loss = loss_,
                              .dscore = dscore_};
    run_.kernels.group_block(&block);
    float *gradient = run_.plan.dscore;
    for (int64_t lane = 0; lane < count_; ++lane) {
      *loss_of_[lane] = loss_[lane];
      for (int64_t e = 0; gradient != nullptr && e < size_of_[lane]; ++e) {
        gradient[places_[e * kGroupLanes + lane]] += dscore_[e * kGroupLanes + lane];
      }
    }
    count_ = 0;
  }

 private:
  static constexpr int64_t kPlaces = kLaneEntries * kGroupLanes;
  const LossRun &run_;
  int64_t count_ = 0;
  alignas(64) float scores_[kPlaces], targets_[kPlaces], dscore_[kPlaces];
  alignas(64) float sizes_[kGroupLanes], target_entry_[kGroupLanes], weight_[kGroupLanes], temperature_[kGroupLanes];
  alignas(64) float loss_[kGroupLanes];
  int64_t places_[kPlaces];
  int64_t size_of_[kGroupLanes];
  float *loss_of_[kGroupLanes];
};

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  const LossPlan &plan = run.plan;
  // Groups in lanes in the order of their sizes: a lane is as long as the longest beside it. next[s]: where those of size s go on.
  int64_t next[kLaneEntries + 2] = {};
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) {
    groups[k] = read_group(plan, begin + k);
    const int64_t size = groups[k].end - groups[k].begin;
    if (size > kLaneEntries && (valid == nullptr || valid[k] != 0)) loss[k] = plan.family->run(plan, begin + k, run.scale);
    ++next[std::min(size, kLaneEntries) + 1];
  }
  for (int64_t size = 0; size <= kLaneEntries; ++size) next[size + 1] += next[size];
  uint8_t sorted[kLossBlock];
  for (int64_t k = 0; k < count; ++k) {
    sorted[next[std::min(groups[k].end - groups[k].begin, kLaneEntries)]++] = static_cast<uint8_t>(k);
  }
  GroupLanes lanes(run);
  for (int64_t place = 0; place < count; ++place) {
    const int64_t k = sorted[place];
    if (groups[k].end - groups[k].begin > kLaneEntries || (valid != nullptr && valid[k] == 0)) continue;
    lanes.add(begin + k, groups[k], loss + k);
  }
  lanes.finish();
}

}  // namespace

const LossBlocks kCrossEntropyBlocks = {surely_right, find_valid, run};

}  // namespace gavel
