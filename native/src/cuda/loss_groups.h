// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_groups.h: CROSS_ENTROPY: the loss of one group and its gradient, by a team of threads (team.h). Groups of at most 8 entries take 8
// lanes, up to kWarpEntries a warp, larger ones the block; the bits are the CPU's whatever the team.
//
// Passes over the group: validity, the leader and the largest target, two sums, then losses and gradients; all but the first find the
// scores in the nearest cache.
#ifndef GAVEL_CUDA_LOSS_GROUPS_H
#define GAVEL_CUDA_LOSS_GROUPS_H

#include "common/loss_cross_entropy.h"
#include "cuda/loss_pairs.h"

namespace gavel::cuda {

constexpr uint32_t kFewEntries = 8;
constexpr uint32_t kWarpEntries = 1024;

struct GroupBounds {
  uint32_t begin;
  uint32_t size;
  bool good;
};

// Offsets that fall, leave the scores or do not cover them all are a fault of the group they bound.
__device__ __forceinline__ GroupBounds read_bounds(const LossTask &task, uint32_t item) {
  const int64_t begin = task.offsets[item], end = task.offsets[item + 1];
  const auto count = static_cast<int64_t>(task.score_count);
  const bool starts = item == 0 ? begin == 0 : begin >= 0;
  const bool ends = item + 1 == task.items ? end == count : end <= count;
  if (starts && ends && begin <= end) {
    return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin), true};
  }
  return {0, 0, false};
}

__device__ __forceinline__ void report_bounds(const LossTask &task, uint32_t item) {
  const bool starts = item == 0 ? task.offsets[item] == 0 : task.offsets[item] >= 0;
  const uint32_t wrong = starts ? item + 1 : item;
  report_fault(task.fault, kFaultOffsets, wrong, task.offsets[wrong], task.score_count);
}

// Larger for larger numbers; of equal ones for the one in front. 0 and -0 are equal. Never 0.
__device__ __forceinline__ unsigned long long rank_of(float value, uint32_t entry) {
  const uint32_t bits = bits_of(value + 0.0f);
  const uint32_t rising = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<unsigned long long>(rising) << 32 | ~entry;
}

// The first of the largest of value(entry) over the entries that count, as a running comparison with > finds it: a NaN in front stays in
// front, and one elsewhere is passed over. `first`: the first entry that counts.
template <typename Team, typename Counts, typename Value>
__device__ __forceinline__ uint32_t first_largest(Team &team, uint32_t size, uint32_t first, Counts counts, Value value) {
  unsigned long long best = 0;
  for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
    if (!counts(entry)) continue;
    const float here = value(entry);
    unsigned long long rank = is_nan(here) ? 0 : rank_of(here, entry);
    if (entry == first && is_nan(here)) rank = ~0ull << 32 | ~entry;
    best = rank > best ? rank : best;
  }
  return ~static_cast<uint32_t>(team.template reduce<Most>(best));
}

// All threads of the team call this, with the same item; for teams of 8, all lanes of the warp, those without a group with size 0.
template <typename Team>
__device__ inline ItemResult evaluate_group(const LossTask &task, Team team, uint32_t item, uint32_t begin, uint32_t size) {
  const bool packed = task.mask == nullptr && task.valid == nullptr;
  const auto counts = [&](uint32_t entry) { return packed || score_counts(task, begin + entry); };
  const auto score = [&](uint32_t entry) { return score_at(task, begin + entry); };
  // One pass: how many entries count (low half) and which is the first (complement in the high half).
  uint32_t found = 0, first = 0xffffffffu;
  for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
    if (!counts(entry)) continue;
    if (found == 0) first = entry;
    ++found;
  }
  found = static_cast<uint32_t>(team.template reduce<Add>(found));
  first = ~static_cast<uint32_t>(team.template reduce<Most>(~first));

  bool good = true;
  ItemResult result{found >= 2, 0.0f, 0.0f};
  float temperature = 1.0f;
  if (size > 0 && Team::rank() == 0) {
    // By one thread, or the fault would be found several times; the others look at `good` below.
    checked_number<LossRange::NOT_NEGATIVE>(task, task.weight, kLossWeight, item, good);
    checked_number<LossRange::POSITIVE>(task, task.temperature, kLossTemperature, item, good);
  }
  if (size > 0) {
    result.weight = number_at(task.weight, item);
    temperature = number_at(task.temperature, item);
  }
  // Where a group does not count its target is not looked at.
  uint32_t target_entry = kNoSide;
  if (size > 0 && result.counts && task.target_index != nullptr) {
    const int64_t position = task.target_index[item];
    if (position >= 0 && position < static_cast<int64_t>(size)) {
      target_entry = static_cast<uint32_t>(position);
      if (Team::rank() == 0 && !counts(target_entry)) {
        report_fault(task.fault, kFaultTargetMasked, item, position, size);
        good = false;
      }
    } else if (Team::rank() == 0) {
      report_fault(task.fault, kFaultTargetIndex, item, position, size);
      good = false;
    }
  }
  const auto target = [&](uint32_t entry) {
    if (task.target_weights != nullptr) return task.target_weights[begin + entry];
    return entry == target_entry ? 1.0f : 0.0f;
  };
  if (task.target_weights != nullptr) {
    for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
      const float weight = target(entry);
      if (!in_loss_range<LossRange::NOT_NEGATIVE>(weight)) {
        report_fault(task.fault, kFaultTargetWeight, begin + entry, bits_of(weight), task.score_count);
        good = false;
      } else if (result.counts && weight != 0.0f && !counts(entry)) {
        report_fault(task.fault, kFaultTargetMasked, item, entry, size);
        good = false;
      }
    }
  }
  good = team.template reduce<Add>(good ? 0u : 1u) == 0;

  // Sum over the entries that count but one, in pairwise order; the one left out holds its place with 0.
  const auto sum_but = [&](uint32_t left_out, auto value) {
    team.start_sum();
    for (uint32_t base = 0; base == 0 || base < size; base += Team::size()) {
      const uint32_t entry = base + Team::rank();
      const bool here = entry < size && counts(entry);
      team.add(here, here && entry != left_out ? value(entry) : 0.0f, packed);
    }
    return team.total();
  };

  const uint32_t leader = first_largest(team, size, first, counts, score);
  const uint32_t largest_target =
      task.target_weights != nullptr ? first_largest(team, size, first, counts, target) : target_entry;
  GroupTerms terms{};
  const bool whole = result.counts && good;
  terms.leader = whole ? score(leader) : 0.0f;
  terms.temperature = temperature;
  terms.rest = sum_but(leader, [&](uint32_t entry) { return exponential(scaled_gap(score(entry), terms)); });
  terms.log_sum = log_one_plus(terms.rest);
  terms.largest_target = whole ? target(largest_target) : 0.0f;
  terms.other_targets = task.target_weights != nullptr ? sum_but(largest_target, target) : 0.0f;
  const float losses =
      sum_but(kNoSide, [&](uint32_t entry) { return entry_loss(score(entry), entry == leader, target(entry), terms); });

  if (task.dscore != nullptr) {
    for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
      float gradient = 0.0f;
      if (result.counts && counts(entry)) {
        gradient = good ? result.weight *
                              entry_gradient(score(entry), entry == leader, target(entry), entry == largest_target, terms) /
                              temperature
                        : quiet_nan();
      }
      task.dscore[begin + entry] = gradient;
    }
  }
  if (result.counts) {
    // A group without any target has loss 0, but not with a NaN score in it.
    result.loss = !good ? quiet_nan() : is_nan(terms.rest) ? terms.rest : result.weight * losses;
  }
  return result;
}

// What the groups of a chunk came to.
struct GroupResults {
  ItemResult items[kGroupChunk];
  uint32_t broken;
};

// Items [begin, begin + count), count <= kGroupChunk. Every thread of the block; the results are complete behind the last barrier.
__device__ inline void evaluate_groups(const LossTask &task, TeamMemory &memory, GroupResults &results, uint32_t begin,
                                       uint32_t count) {
  if (threadIdx.x == 0) results.broken = 0;
  __syncthreads();
  for (uint32_t base = 0; base < count; base += blockDim.x / kFewEntries) {
    const uint32_t k = base + threadIdx.x / kFewEntries;
    const GroupBounds bounds = k < count ? read_bounds(task, begin + k) : GroupBounds{0, 0, true};
    const bool mine = k < count && bounds.good && bounds.size <= kFewEntries;
    const bool leads = threadIdx.x % kFewEntries == 0;
    if (leads && !bounds.good) {
      report_bounds(task, begin + k);
      results.items[k] = {true, quiet_nan(), 0.0f};
      atomicExch(&results.broken, 1u);
    }
    const ItemResult result =
        evaluate_group(task, LaneTeam<kFewEntries>(memory), begin + k, bounds.begin, mine ? bounds.size : 0);
    if (leads && mine) results.items[k] = result;
  }
  __syncthreads();
  for (uint32_t k = threadIdx.x / kWarp; k < count; k += blockDim.x / kWarp) {
    const GroupBounds bounds = read_bounds(task, begin + k);
    if (!bounds.good || bounds.size <= kFewEntries || bounds.size > kWarpEntries) continue;
    const ItemResult result = evaluate_group(task, LaneTeam<kWarp>(memory), begin + k, bounds.begin, bounds.size);
    if (threadIdx.x % kWarp == 0) results.items[k] = result;
  }
  __syncthreads();
  for (uint32_t k = 0; k < count; ++k) {
    const GroupBounds bounds = read_bounds(task, begin + k);
    if (!bounds.good || bounds.size <= kWarpEntries) continue;
    const ItemResult result = evaluate_group(task, BlockTeam(memory), begin + k, bounds.begin, bounds.size);
    if (threadIdx.x == 0) results.items[k] = result;
  }
  __syncthreads();
}

// dscore of scores [begin, end), which so far holds the gradient of each item. Where it is not known whose the scores are, all are NaN.
__device__ inline void scale_group_gradients(const LossTask &task, uint32_t begin, uint32_t end) {
  const float scale = __ldcg(&task.state->scale);
  const bool nothing = __ldcg(&task.state->nothing) != 0;
  const bool broken = __ldcg(&task.state->broken_offsets) != 0;
  for (uint32_t n = begin + threadIdx.x; n < end; n += blockDim.x) {
    // 0 is added, as on the CPU: a product of -0 becomes 0.
    float gradient = nothing ? 0.0f : 0.0f + scale * __ldcg(task.dscore + n);
    if (broken) gradient = quiet_nan();
    task.dscore[n] = gradient;
  }
}

}  // namespace gavel::cuda

#endif
