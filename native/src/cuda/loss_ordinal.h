// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_ordinal.h: ORDINAL: the loss of one pair of rows and its gradients, by a team of threads. Formulas: common/loss_ordinal.h. A thread
// takes a level of one row and all of the other: F and S wait in the memory of the gradients until those are made.
#ifndef GAVEL_CUDA_LOSS_ORDINAL_H
#define GAVEL_CUDA_LOSS_ORDINAL_H

#include "common/loss_ordinal.h"
#include "cuda/chain.h"
#include "cuda/loss_groups.h"
#include "cuda/loss_sides.h"

namespace gavel::cuda {

constexpr uint32_t kWarpLevels = 256;

struct Ordinal : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_ORDINAL;
  static constexpr LossItems kItems = LossItems::PAIRS;
  static constexpr bool kWide = true;

  template <typename Team>
  __device__ static ItemResult evaluate(const LossTask &task, Team team, uint32_t item) {
    const uint32_t levels = task.width;
    const PairRows pair = read_pair(task, item);
    bool good = pair.good;
    ItemResult result{true, 0.0f, number_at<kLossWeight>(task, item)};
    if (Team::rank() == 0) {
      report_pair(task, item, pair);
      checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good);
    }
    // A row outside masks nothing: the pair counts, and its loss is NaN.
    uint32_t masked = 0;
    for (int side = 0; side < 2; ++side) {
      for (uint32_t k = Team::rank(); pair.inside[side] && k < levels; k += Team::size()) {
        masked += score_counts(task, static_cast<uint32_t>(pair.rows[side]) * levels + k) ? 0 : 1;
      }
    }
    result.counts = team.template reduce<Add>(masked) == 0;
    if (task.sides != nullptr && Team::rank() == 0) keep_sides(task, item, pair, result.counts);
    float *chosen = task.gradients + 2 * static_cast<int64_t>(item) * levels, *rejected = chosen + levels;
    if (result.counts && pair.good) {
      const float *u = task.scores + pair.rows[0] * levels * task.score_stride;
      const float *v = task.scores + pair.rows[1] * levels * task.score_stride;
      const Row rows[2] = {{u, task.score_stride, row_leader(task, team, u)},
                           {v, task.score_stride, row_leader(task, team, v)}};
      bool any = false;
      if (!sum_levels<Team>(task, rows, chosen, rejected, any)) good = false;
      good = team.template reduce<Add>(good ? 0u : 1u) == 0;
      if (team.template reduce<Add>(any ? 1u : 0u) == 0) good = false;
      // Behind it every thread sees the sums.
      Team::sync();
      if (good && Team::rank() < Team::kWalkers) {
        result.loss = result.weight * finish(task, rows, chosen, rejected, result.weight);
      }
      Team::sync();
    } else {
      good = false;
    }
    if (!good) {
      if (result.counts) result.loss = quiet_nan();
      for (uint32_t k = Team::rank(); task.sides != nullptr && k < levels; k += Team::size()) {
        chosen[k] = rejected[k] = quiet_nan();
      }
    }
    return result;
  }

 private:
  // Levels relative to the largest of the row, so that a common shift of a row changes nothing.
  struct Row {
    const float *scores;
    int64_t stride;
    float leader;
    __device__ __forceinline__ float at(uint32_t k) const { return __ldcg(scores + k * stride) - leader; }
  };

  template <typename Team>
  __device__ static float row_leader(const LossTask &task, Team &team, const float *row) {
    unsigned long long best = 0;
    for (uint32_t k = Team::rank(); k < task.width; k += Team::size()) {
      const float score = __ldcg(row + k * task.score_stride);
      const unsigned long long rank = is_nan(score) ? ~0ull << 32 | ~k : rank_of(score, k);
      best = rank > best ? rank : best;
    }
    const uint32_t leader = ~static_cast<uint32_t>(team.template reduce<Most>(best));
    return __ldcg(row + leader * task.score_stride);
  }

  __device__ __forceinline__ static float admitted(const LossTask &task, uint32_t a, uint32_t b) {
    return task.admissible != nullptr ? task.admissible[a * task.admissible_stride + b] : admitted_above(a, b);
  }

  // F to `below`, S to `above` where it is wanted. Returns false to one thread of the team at least where a value of the matrix is wrong;
  // any: to one at least where a pair of levels is admitted.
  template <typename Team>
  __device__ static bool sum_levels(const LossTask &task, const Row rows[2], float *below, float *above, bool &any) {
    bool good = true;
    for (uint32_t k = Team::rank(); k < task.width; k += Team::size()) {
      LogSumChain chain = empty_chain();
      for (uint32_t b = 0; b < task.width; ++b) {
        const float factor = admitted(task, k, b);
        good = good && in_range(factor, Range::NOT_NEGATIVE);
        any = any || factor >= 0x1p-126f;
        add_product(chain, factor, rows[1].at(b));
      }
      below[k] = log_sum_or_nothing(chain);
      if (task.sides == nullptr) continue;
      chain = empty_chain();
      for (uint32_t a = 0; a < task.width; ++a) add_product(chain, admitted(task, a, k), rows[0].at(a));
      above[k] = log_sum_or_nothing(chain);
    }
    return good;
  }

  __device__ __forceinline__ static void add_level(LogSumChain &chain, bool there, float z) {
    walk_chain<kWarp>(chain, there && z != -kInfinity, z);
  }

  // The loss but for its weight, and the gradients. By one warp.
  __device__ static float finish(const LossTask &task, const Row rows[2], float *chosen, float *rejected, float weight) {
    LogSumChain all_chosen = empty_chain(), all_rejected = empty_chain(), joint = empty_chain();
    const uint32_t lane = threadIdx.x % kWarp;
    for (uint32_t base = 0; base < task.width; base += kWarp) {
      const uint32_t k = base + lane;
      const bool there = k < task.width;
      const float u = there ? rows[0].at(k) : 0.0f, v = there ? rows[1].at(k) : 0.0f;
      add_level(all_chosen, there, u);
      add_level(all_rejected, there, v);
      add_level(joint, there, there ? u + chosen[k] : 0.0f);
    }
    for (uint32_t k = lane; task.sides != nullptr && k < task.width; k += kWarp) {
      chosen[k] = weight * ordinal_gradient(all_chosen, joint, rows[0].at(k), chosen[k]);
      rejected[k] = weight * ordinal_gradient(all_rejected, joint, rows[1].at(k), rejected[k]);
    }
    return ordinal_loss(all_chosen, all_rejected, joint);
  }
};

// Values of the matrix that are wrong are told once, by the first unit.
__device__ inline void check_admissible(const LossTask &task, TeamMemory &memory) {
  if (task.admissible == nullptr) return;
  uint32_t any = 0;
  for (uint32_t n = threadIdx.x; n < task.width * task.width; n += blockDim.x) {
    const uint32_t a = n / task.width, b = n % task.width;
    const float value = task.admissible[a * task.admissible_stride + b];
    if (!in_range(value, Range::NOT_NEGATIVE)) report_fault(task.fault, kFaultAdmissible, a, bits_of(value), b);
    any += value >= 0x1p-126f ? 1 : 0;
  }
  any = static_cast<uint32_t>(BlockTeam(memory).reduce<Add>(any));
  if (any == 0 && threadIdx.x == 0) report_fault(task.fault, kFaultNothingAdmitted, 0, 0, task.width);
}

// Items [begin, begin + count), count <= kTeamChunk. Every thread of the block; the results are complete behind the last barrier.
template <typename Loss>
__device__ inline void evaluate_row_pairs(const LossTask &task, TeamMemory &memory, TeamResults &results, uint32_t begin,
                                          uint32_t count) {
  if (threadIdx.x == 0) results.broken = 0;
  if (begin == 0) check_admissible(task, memory);
  if (task.width <= kWarpLevels) {
    for (uint32_t k = threadIdx.x / kWarp; k < count; k += blockDim.x / kWarp) {
      const ItemResult result = Loss::evaluate(task, LaneTeam<kWarp>(memory), begin + k);
      if (threadIdx.x % kWarp == 0) results.items[k] = result;
    }
  } else {
    for (uint32_t k = 0; k < count; ++k) {
      const ItemResult result = Loss::evaluate(task, BlockTeam(memory), begin + k);
      if (threadIdx.x == 0) results.items[k] = result;
    }
  }
  __syncthreads();
}

}  // namespace gavel::cuda

#endif
