// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_groups.h: groups of scores and the teams of threads (team.h) that evaluate them: a group of at most 8 entries takes one thread or 8
// lanes, as its loss wants it, up to kWarpEntries a warp, larger ones the block (in a score kernel a warp as well); the bits are the CPU's
// whatever the team.
#ifndef GAVEL_CUDA_LOSS_GROUPS_H
#define GAVEL_CUDA_LOSS_GROUPS_H

#include "cuda/loss_task.h"
#include "cuda/team.h"

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

// One group of a team. All threads of the team have the same; in a team of 8 lanes some may be of no group: here is false, size 0.
struct Group {
  uint32_t item;
  uint32_t begin;
  uint32_t size;
  bool here;
};

// The entries of a group that count, for its team: how many there are, by all of its threads.
template <typename Team, typename Counts>
__device__ __forceinline__ uint32_t count_entries(Team &team, uint32_t size, Counts counts) {
  uint32_t found = 0;
  for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) found += counts(entry) ? 1 : 0;
  return static_cast<uint32_t>(team.template reduce<Add>(found));
}

// Gradients of a group that has none: 0, or NaN for the entries that count where something about the group is wrong.
template <typename Team, typename Counts>
__device__ __forceinline__ void fill_gradients(const LossTask &task, const Group &group, bool wrong, Counts counts) {
  for (uint32_t entry = Team::rank(); task.dscore != nullptr && entry < group.size; entry += Team::size()) {
    task.dscore[group.begin + entry] = wrong && counts(entry) ? quiet_nan() : 0.0f;
  }
}

// What the items of a chunk came to, where teams evaluate them.
struct TeamResults {
  ItemResult items[kTeamChunk];
  uint32_t broken;
};

// Items [begin, begin + count), count <= kTeamChunk. Every thread of the block; the results are complete behind the last barrier. kByBlock:
// groups of more than kWarpEntries go to the block.
template <typename Loss, bool kByBlock>
__device__ inline void evaluate_groups(const LossTask &task, TeamMemory &memory, TeamResults &results, uint32_t begin,
                                       uint32_t count) {
  using Few = typename Loss::FewTeam;
  if (threadIdx.x == 0) results.broken = 0;
  __syncthreads();
  for (uint32_t base = 0; base < count; base += blockDim.x / Few::kThreads) {
    const uint32_t k = base + threadIdx.x / Few::kThreads;
    const GroupBounds bounds = k < count ? read_bounds(task, begin + k) : GroupBounds{0, 0, true};
    const bool mine = k < count && bounds.good && bounds.size <= kFewEntries;
    const bool leads = threadIdx.x % Few::kThreads == 0;
    if (leads && !bounds.good) {
      report_bounds(task, begin + k);
      results.items[k] = {true, quiet_nan(), 0.0f};
      atomicExch(&results.broken, 1u);
    }
    if (Few::kThreads == 1 && !mine) continue;
    const ItemResult result = Loss::evaluate(task, Few(memory), Group{begin + k, bounds.begin, mine ? bounds.size : 0, mine});
    if (leads && mine) results.items[k] = result;
  }
  __syncthreads();
  for (uint32_t k = threadIdx.x / kWarp; k < count; k += blockDim.x / kWarp) {
    const GroupBounds bounds = read_bounds(task, begin + k);
    if (!bounds.good || bounds.size <= kFewEntries || (kByBlock && bounds.size > kWarpEntries)) continue;
    const ItemResult result = Loss::evaluate(task, LaneTeam<kWarp>(memory), Group{begin + k, bounds.begin, bounds.size, true});
    if (threadIdx.x % kWarp == 0) results.items[k] = result;
  }
  __syncthreads();
  if constexpr (kByBlock) {
    for (uint32_t k = 0; k < count; ++k) {
      const GroupBounds bounds = read_bounds(task, begin + k);
      if (!bounds.good || bounds.size <= kWarpEntries) continue;
      const ItemResult result = Loss::evaluate(task, BlockTeam(memory), Group{begin + k, bounds.begin, bounds.size, true});
      if (threadIdx.x == 0) results.items[k] = result;
    }
    __syncthreads();
  }
}

// dscore of scores [begin, end), which so far holds the gradient of each item. Where it is not known whose the scores are, all are NaN.
__device__ inline void scale_gradients(const LossTask &task, uint32_t begin, uint32_t end) {
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
