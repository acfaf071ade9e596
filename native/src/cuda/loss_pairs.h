// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_pairs.h: BRADLEY_TERRY: what one pair is worth, and the gradient of a score that several pairs share.
//
// The gradient of a score is the sum of its sides (a side is the chosen or the rejected half of a pair) in the order of the pairs, as on
// the CPU. Threads find the sides of a score in whatever order atomics give, and then sort them by number, so the order never shows:
//   - a score has kSlots slots, taken by an atomic counter; a thread adds them up smallest number first. N scores with at most kSlots pairs
//     each cost one pass over the pairs and one over the slots.
//   - scores with more sides get a list: their numbers of sides are scanned, the sides placed behind one another, each list sorted by a
//     warp or, beyond kWarpSides, by the block (bitonic network, L log^2 L steps for L sides), and added up: L steps one after the
//     other, which the order demands. Nothing is quadratic: 1e5 pairs that share one score cost one sort of 1e5 numbers and 1e5 additions.
#ifndef GAVEL_CUDA_LOSS_PAIRS_H
#define GAVEL_CUDA_LOSS_PAIRS_H

#include "common/loss_bradley_terry.h"
#include "cuda/loss_task.h"
#include "cuda/team.h"

namespace gavel::cuda {

struct ItemResult {
  bool counts;
  float loss;
  float weight;
};

constexpr uint32_t kWarpSides = 1024;

// Loss of a pair; its sides and their gradients go to the scratch memory.
__device__ __forceinline__ ItemResult evaluate_pair(const LossTask &task, uint32_t item) {
  const int64_t *row = task.pairs + static_cast<int64_t>(item) * task.pair_stride;
  const int64_t ends[2] = {row[0], row[1]};
  const auto count = static_cast<int64_t>(task.score_count);
  const bool inside[2] = {ends[0] >= 0 && ends[0] < count, ends[1] >= 0 && ends[1] < count};
  bool good = true;
  if (!inside[0]) report_fault(task.fault, kFaultPairChosen, item, ends[0], count);
  if (!inside[1]) report_fault(task.fault, kFaultPairRejected, item, ends[1], count);
  if (inside[0] && ends[0] == ends[1]) report_fault(task.fault, kFaultPairItself, item, ends[0], count);
  if (!inside[0] || !inside[1] || ends[0] == ends[1]) good = false;

  const PairParameters parameters{
      .weight = checked_number<LossRange::NOT_NEGATIVE>(task, task.weight, kLossWeight, item, good),
      .beta = checked_number<LossRange::POSITIVE>(task, task.beta, kLossBeta, item, good),
      .margin = checked_number<LossRange::FINITE>(task, task.margin, kLossMargin, item, good),
      .label_smoothing = checked_number<LossRange::UNIT>(task, task.label_smoothing, kLossLabelSmoothing, item, good),
      .center = checked_number<LossRange::NOT_NEGATIVE>(task, task.center, kLossCenter, item, good),
      .tie = checked_number<LossRange::NOT_NEGATIVE>(task, task.tie, kLossTie, item, good),
      .is_tie = task.tie_mask != nullptr && task.tie_mask[item] != 0,
  };
  // A side outside masks nothing: the pair counts, and its loss is NaN.
  bool counts = true;
  for (int side = 0; side < 2; ++side) {
    if (inside[side] && !score_counts(task, static_cast<uint32_t>(ends[side]))) counts = false;
  }
  PairTerms terms{quiet_nan(), quiet_nan(), quiet_nan()};
  if (good && counts) {
    terms =
        pair_terms(score_at(task, static_cast<uint32_t>(ends[0])), score_at(task, static_cast<uint32_t>(ends[1])), parameters);
  }
  if (task.gradients != nullptr) {
    task.gradients[2 * static_cast<int64_t>(item)] = terms.dchosen;
    task.gradients[2 * static_cast<int64_t>(item) + 1] = terms.drejected;
    for (int side = 0; side < 2; ++side) {
      task.sides[2 * static_cast<int64_t>(item) + side] = counts && inside[side] ? static_cast<uint32_t>(ends[side]) : kNoSide;
    }
  }
  return {counts, counts ? terms.loss : 0.0f, parameters.weight};
}

// Sides of items [begin, end) to the slots of their scores.
__device__ inline void place_sides(const LossTask &task, uint32_t begin, uint32_t end) {
  for (uint32_t side = 2 * begin + threadIdx.x; side < 2 * end; side += blockDim.x) {
    const uint32_t n = __ldcg(task.sides + side);
    if (n == kNoSide) continue;
    const uint32_t slot = atomicAdd(task.score_items + n, 1u);
    if (slot < kSlots) {
      task.slots[static_cast<int64_t>(n) * kSlots + slot] = side;
    } else if (slot == kSlots) {
      atomicExch(&task.state->shared_scores, 1);
    }
  }
}

// Sides of a score that do not fit its slots.
__device__ __forceinline__ uint32_t listed_sides(const LossTask &task, uint32_t n) {
  const uint32_t sides = __ldcg(task.score_items + n);
  return sides > kSlots ? sides : 0;
}

// Numbers of listed sides in front of each score of [begin, end), from begin on; their sum to shared_block.
__device__ inline void scan_shared(const LossTask &task, TeamMemory &memory, uint32_t block, uint32_t begin, uint32_t end) {
  const uint32_t warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  uint32_t before = 0;
  for (uint32_t base = begin; base < end; base += blockDim.x) {
    const uint32_t n = base + threadIdx.x;
    const uint32_t mine = n < end ? listed_sides(task, n) : 0;
    uint32_t sum = mine;
    for (uint32_t step = 1; step < kWarp; step *= 2) {
      const uint32_t other = __shfl_up_sync(kAllLanes, sum, step);
      if (lane >= step) sum += other;
    }
    __syncthreads();
    if (lane == kWarp - 1) memory.words[warp] = sum;
    __syncthreads();
    uint32_t all = 0;
    for (uint32_t w = 0; w < blockDim.x / kWarp; ++w) {
      if (w == warp) sum += all;
      all += static_cast<uint32_t>(memory.words[w]);
    }
    if (n < end) task.shared_next[n] = before + sum - mine;
    before += all;
  }
  if (threadIdx.x == 0) task.shared_block[block] = before;
}

// Start of each block's sides, by one warp.
__device__ inline void scan_shared_blocks(const LossTask &task) {
  if (threadIdx.x >= kWarp) return;
  const uint32_t lane = threadIdx.x;
  const uint32_t blocks = (task.score_count + kScannedScores - 1) / kScannedScores;
  uint32_t before = 0;
  for (uint32_t base = 0; base < blocks; base += kWarp) {
    const uint32_t mine = base + lane < blocks ? __ldcg(task.shared_block + base + lane) : 0;
    uint32_t sum = mine;
    for (uint32_t step = 1; step < kWarp; step *= 2) {
      const uint32_t other = __shfl_up_sync(kAllLanes, sum, step);
      if (lane >= step) sum += other;
    }
    if (base + lane < blocks) task.shared_block[base + lane] = before + sum - mine;
    before += __shfl_sync(kAllLanes, sum, kWarp - 1);
  }
}

// Sides of items [begin, end) to the lists of their scores, for scores that have one.
__device__ inline void place_shared(const LossTask &task, uint32_t begin, uint32_t end) {
  for (uint32_t side = 2 * begin + threadIdx.x; side < 2 * end; side += blockDim.x) {
    const uint32_t n = __ldcg(task.sides + side);
    if (n == kNoSide || listed_sides(task, n) == 0) continue;
    task.shared_sides[__ldcg(task.shared_block + n / kScannedScores) + atomicAdd(task.shared_next + n, 1u)] = side;
  }
}

// Rising order, by a bitonic network whose comparisons all point the same way, so that any count will do: what would lie behind the end
// is as if it were larger than everything.
template <typename Team>
__device__ inline void sort_rising(uint32_t *values, uint32_t count) {
  const auto exchange = [&](uint32_t low, uint32_t high) {
    if (high >= count) return;
    const uint32_t a = __ldcg(values + low), b = __ldcg(values + high);
    if (a <= b) return;
    __stcg(values + low, b);
    __stcg(values + high, a);
  };
  for (uint32_t size = 2; size / 2 < count; size *= 2) {
    for (uint32_t i = Team::rank(); i < count; i += Team::size()) {
      if ((i & (size / 2)) == 0) exchange(i, i ^ (size - 1));
    }
    Team::sync();
    for (uint32_t step = size / 4; step > 0; step /= 2) {
      for (uint32_t i = Team::rank(); i < count; i += Team::size()) {
        if ((i & step) == 0) exchange(i, i + step);
      }
      Team::sync();
    }
  }
}

// The gradient of one score from its sorted sides, by one warp.
__device__ inline float sum_sides(const LossTask &task, const uint32_t *sides, uint32_t count, float scale) {
  const uint32_t lane = threadIdx.x % kWarp;
  float sum = 0.0f;
  for (uint32_t base = 0; base < count; base += kWarp) {
    const uint32_t left = min(count - base, static_cast<uint32_t>(kWarp));
    const float mine = lane < left ? scale * __ldcg(task.gradients + __ldcg(sides + base + lane)) : 0.0f;
    for (uint32_t k = 0; k < left; ++k) sum = sum + __shfl_sync(kAllLanes, mine, static_cast<int>(k));
  }
  return sum;
}

// The gradient of one score from its slots, smallest number first.
__device__ __forceinline__ float sum_slots(const LossTask &task, uint32_t n, uint32_t count, float scale) {
  const uint32_t *slots = task.slots + static_cast<int64_t>(n) * kSlots;
  float sum = 0.0f;
  uint32_t next = 0;
  for (uint32_t k = 0; k < count; ++k) {
    uint32_t smallest = kNoSide;
    for (uint32_t base = 0; base < count; base += 4) {
      const uint4 four = __ldcg(reinterpret_cast<const uint4 *>(slots + base));
      if (four.x >= next) smallest = min(smallest, four.x);
      if (base + 1 < count && four.y >= next) smallest = min(smallest, four.y);
      if (base + 2 < count && four.z >= next) smallest = min(smallest, four.z);
      if (base + 3 < count && four.w >= next) smallest = min(smallest, four.w);
    }
    sum = sum + scale * __ldcg(task.gradients + smallest);
    next = smallest + 1;
  }
  return sum;
}

// dscore of scores [begin, end).
__device__ inline void add_pair_gradients(const LossTask &task, uint32_t begin, uint32_t end) {
  const float scale = __ldcg(&task.state->scale);
  const bool nothing = __ldcg(&task.state->nothing) != 0;
  for (uint32_t n = begin + threadIdx.x; n < end; n += blockDim.x) {
    const uint32_t sides = nothing ? 0 : __ldcg(task.score_items + n);
    if (sides <= kSlots) task.dscore[n] = sum_slots(task, n, sides, scale);
  }
  if (nothing || __ldcg(&task.state->shared_scores) == 0) return;
  for (uint32_t n = begin + threadIdx.x / kWarp; n < end; n += blockDim.x / kWarp) {
    const uint32_t sides = listed_sides(task, n);
    if (sides == 0 || sides > kWarpSides) continue;
    uint32_t *list = task.shared_sides + __ldcg(task.shared_block + n / kScannedScores) + __ldcg(task.shared_next + n) - sides;
    sort_rising<LaneTeam<kWarp>>(list, sides);
    const float sum = sum_sides(task, list, sides, scale);
    if (threadIdx.x % kWarp == 0) task.dscore[n] = sum;
  }
  for (uint32_t n = begin; n < end; ++n) {
    const uint32_t sides = listed_sides(task, n);
    if (sides <= kWarpSides) continue;
    uint32_t *list = task.shared_sides + __ldcg(task.shared_block + n / kScannedScores) + __ldcg(task.shared_next + n) - sides;
    sort_rising<BlockTeam>(list, sides);
    if (threadIdx.x >= kWarp) continue;
    const float sum = sum_sides(task, list, sides, scale);
    if (threadIdx.x == 0) task.dscore[n] = sum;
  }
}

}  // namespace gavel::cuda

#endif
