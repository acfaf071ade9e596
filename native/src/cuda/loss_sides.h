// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_sides.h: pairs of rows of scores, and the gradient of a row that several pairs share.
//
// The gradient of a row is the sum of its sides (a side is the chosen or the rejected half of a pair) in the order of the pairs, as on
// the CPU. Threads find the sides of a row in whatever order atomics give, and then sort them by number, so the order never shows:
//   - a row has kSlots slots, taken by an atomic counter; a thread adds them up smallest number first. N rows with at most kSlots pairs
//     each cost one pass over the pairs and one over the slots.
//   - rows with more sides get a list: their numbers of sides are scanned, the sides placed behind one another, each list sorted by a
//     warp or, beyond kWarpSides, by the block (bitonic network, L log^2 L steps for L sides), and added up: L steps one after the
//     other, which the order demands. Nothing is quadratic: 1e5 pairs that share one score cost one sort of 1e5 numbers and 1e5 additions.
// A row is one score with BRADLEY_TERRY and `width` levels with ORDINAL (kWide), whose sides are the same for all levels.
#ifndef GAVEL_CUDA_LOSS_SIDES_H
#define GAVEL_CUDA_LOSS_SIDES_H

#include "cuda/loss_task.h"
#include "cuda/sort.h"
#include "cuda/team.h"

namespace gavel::cuda {

constexpr uint32_t kWarpSides = 1024;

// The rows of a pair, each inside or not.
struct PairRows {
  int64_t rows[2];
  bool inside[2];
  bool good;  // both inside, and two
};

// Reports what is wrong with a pair. By one thread.
__device__ inline void report_pair(const LossTask &task, uint32_t item, const PairRows &pair) {
  if (pair.good) return;
  const bool wide = task.width != 1;
  if (!pair.inside[0]) {
    report_fault(task.fault, wide ? kFaultRowChosen : kFaultPairChosen, item, pair.rows[0], task.rows);
  } else if (!pair.inside[1]) {
    report_fault(task.fault, wide ? kFaultRowRejected : kFaultPairRejected, item, pair.rows[1], task.rows);
  } else {
    report_fault(task.fault, wide ? kFaultRowItself : kFaultPairItself, item, pair.rows[0], task.rows);
  }
}

__device__ __forceinline__ PairRows read_pair(const LossTask &task, uint32_t item) {
  const int64_t *row = task.pairs + static_cast<int64_t>(item) * task.pair_stride;
  const auto count = static_cast<int64_t>(task.rows);
  PairRows pair{{row[0], row[1]}, {}, true};
  for (int side = 0; side < 2; ++side) {
    pair.inside[side] = pair.rows[side] >= 0 && pair.rows[side] < count;
    if (!pair.inside[side]) pair.good = false;
  }
  if (pair.rows[0] == pair.rows[1]) pair.good = false;
  return pair;
}

// Which rows the pair's gradients are for. By one thread, where dscore is wanted.
__device__ __forceinline__ void keep_sides(const LossTask &task, uint32_t item, const PairRows &pair, bool counts) {
  for (int side = 0; side < 2; ++side) {
    task.sides[2 * static_cast<int64_t>(item) + side] =
        counts && pair.inside[side] ? static_cast<uint32_t>(pair.rows[side]) : kNoSide;
  }
}

// Sides of items [begin, end) to the slots of their rows.
__device__ inline void place_sides(const LossTask &task, uint32_t begin, uint32_t end) {
  for (uint32_t side = 2 * begin + threadIdx.x; side < 2 * end; side += blockDim.x) {
    const uint32_t n = __ldcg(task.sides + side);
    if (n == kNoSide) continue;
    const uint32_t slot = atomicAdd(task.row_sides + n, 1u);
    if (slot < kSlots) {
      task.slots[static_cast<int64_t>(n) * kSlots + slot] = side;
    } else if (slot == kSlots) {
      atomicExch(&task.state->shared_rows, 1);
    }
  }
}

// Sides of a row that do not fit its slots.
__device__ __forceinline__ uint32_t listed_sides(const LossTask &task, uint32_t n) {
  const uint32_t sides = __ldcg(task.row_sides + n);
  return sides > kSlots ? sides : 0;
}

// Numbers of listed sides in front of each row of [begin, end), from begin on; their sum to shared_block.
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
  const uint32_t blocks = (task.rows + kScannedRows - 1) / kScannedRows;
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

// Sides of items [begin, end) to the lists of their rows, for rows that have one.
__device__ inline void place_shared(const LossTask &task, uint32_t begin, uint32_t end) {
  for (uint32_t side = 2 * begin + threadIdx.x; side < 2 * end; side += blockDim.x) {
    const uint32_t n = __ldcg(task.sides + side);
    if (n == kNoSide || listed_sides(task, n) == 0) continue;
    task.shared_sides[__ldcg(task.shared_block + n / kScannedRows) + atomicAdd(task.shared_next + n, 1u)] = side;
  }
}

// The gradient of one score from the sorted sides of its row, by one warp.
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

// The gradients of a row from its sorted sides, by one warp.
template <bool kWide>
__device__ inline void add_listed_sides(const LossTask &task, uint32_t row, const uint32_t *sides, uint32_t count,
                                        float scale) {
  const uint32_t lane = threadIdx.x % kWarp;
  if constexpr (!kWide) {
    const float sum = sum_sides(task, sides, count, scale);
    if (lane == 0) task.dscore[row] = sum;
  } else {
    for (uint32_t level = lane; level < task.width; level += kWarp) {
      float sum = 0.0f;
      for (uint32_t k = 0; k < count; ++k) {
        sum = sum + scale * __ldcg(task.gradients + static_cast<int64_t>(__ldcg(sides + k)) * task.width + level);
      }
      task.dscore[static_cast<int64_t>(row) * task.width + level] = sum;
    }
  }
}

// The gradient of one score from the slots of its row, smallest number first.
template <bool kWide>
__device__ __forceinline__ float sum_slots(const LossTask &task, uint32_t row, uint32_t level, uint32_t count, float scale) {
  const uint32_t *slots = task.slots + static_cast<int64_t>(row) * kSlots;
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
    sum = sum + scale * __ldcg(task.gradients + (kWide ? static_cast<int64_t>(smallest) * task.width + level : smallest));
    next = smallest + 1;
  }
  return sum;
}

// dscore of rows [begin, end).
template <bool kWide>
__device__ inline void add_pair_gradients(const LossTask &task, uint32_t begin, uint32_t end) {
  const uint32_t width = kWide ? task.width : 1;
  const float scale = __ldcg(&task.state->scale);
  const bool nothing = __ldcg(&task.state->nothing) != 0;
  for (uint32_t n = begin * width + threadIdx.x; n < end * width; n += blockDim.x) {
    const uint32_t row = n / width;
    const uint32_t sides = nothing ? 0 : __ldcg(task.row_sides + row);
    if (sides <= kSlots) task.dscore[n] = sum_slots<kWide>(task, row, n - row * width, sides, scale);
  }
  if (nothing || __ldcg(&task.state->shared_rows) == 0) return;
  const auto list_of = [&](uint32_t row, uint32_t sides) {
    return task.shared_sides + __ldcg(task.shared_block + row / kScannedRows) + __ldcg(task.shared_next + row) - sides;
  };
  const auto rising = [](uint32_t a, uint32_t b) { return a < b; };
  for (uint32_t row = begin + threadIdx.x / kWarp; row < end; row += blockDim.x / kWarp) {
    const uint32_t sides = listed_sides(task, row);
    if (sides == 0 || sides > kWarpSides) continue;
    uint32_t *list = list_of(row, sides);
    sort_entries<LaneTeam<kWarp>>(list, sides, rising);
    add_listed_sides<kWide>(task, row, list, sides, scale);
  }
  for (uint32_t row = begin; row < end; ++row) {
    const uint32_t sides = listed_sides(task, row);
    if (sides <= kWarpSides) continue;
    uint32_t *list = list_of(row, sides);
    sort_entries<BlockTeam>(list, sides, rising);
    if (threadIdx.x < kWarp) add_listed_sides<kWide>(task, row, list, sides, scale);
  }
}

}  // namespace gavel::cuda

#endif
