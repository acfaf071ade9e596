// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_phases.h: the units of a loss, for the kernel of loss.cu and for one block of another kernel.
//
//   kEvaluate  losses of a chunk of items; with pairs it also clears the counters of the rows. At the end the number of valid items
//              and, but for WEIGHTED_MEAN, the divisor are known.
//   kSum       sums of kSummedTerms losses (weights) of valid items; sides of pairs to the slots of their rows. At the end the loss.
//   kScanShared, kPlaceShared   only where a row has many pairs, see loss_sides.h.
//   kGradient  dscore.
// The sum of the items is that of common/pairwise_sum.h: valid items are numbered as they come, 2^10 neighbours are one unit's, and
// the last block adds up the units'. So losses, reduced losses and gradients have the bits of the CPU.
#ifndef GAVEL_CUDA_LOSS_PHASES_H
#define GAVEL_CUDA_LOSS_PHASES_H

#include "cuda/loss_kinds.h"

namespace gavel::cuda {

// Shared memory of a block that works on a loss: 9 KiB.
struct LossMemory {
  TeamMemory team;
  TeamResults results;
  float terms[kSummedTerms / kWarp];
  uint32_t ticket;
};

// Losses and weights of the valid items of a chunk, behind one another.
__device__ inline void keep_valid(const LossTask &task, LossMemory &memory, uint32_t chunk, uint32_t position, uint32_t &kept,
                                  const ItemResult &result, bool there) {
  const uint32_t warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const uint32_t lanes = __ballot_sync(kAllLanes, there && result.counts);
  __syncthreads();
  if (lane == 0) memory.team.words[warp] = static_cast<unsigned long long>(__popc(lanes));
  __syncthreads();
  uint32_t before = kept, all = 0;
  for (uint32_t w = 0; w < blockDim.x / kWarp; ++w) {
    if (w == warp) before += all;
    all += static_cast<uint32_t>(memory.team.words[w]);
  }
  kept += all;
  if (!there) return;
  const uint32_t item = chunk * task.chunk + position;
  if (task.item_loss != nullptr) task.item_loss[item] = result.counts ? result.loss : 0.0f;
  if (!result.counts) return;
  const uint32_t slot = chunk * task.chunk + before + static_cast<uint32_t>(__popc(lanes & ((1u << lane) - 1)));
  task.losses[slot] = result.loss;
  if (task.weights != nullptr) task.weights[slot] = result.weight;
}

// use(Loss()) for the loss of the list that the task is of.
template <typename... Losses, typename Use>
__device__ __forceinline__ void with_loss(const LossTask &task, LossList<Losses...>, Use use) {
  const auto use_if = [&](auto loss) {
    if (sizeof...(Losses) == 1 || task.kind == decltype(loss)::kKind) use(loss);
  };
  (use_if(Losses{}), ...);
}

// Losses of the items of a chunk. Only the items' own part is there once for each loss of the list.
template <typename... Losses>
__device__ inline void evaluate_chunk(const LossTask &task, LossMemory &memory, uint32_t chunk, LossList<Losses...> losses) {
  const uint32_t begin = chunk * task.chunk;
  const uint32_t count = min(task.chunk, task.items - begin);
  bool by_team = false;
  with_loss(task, losses, [&](auto loss) {
    using Loss = decltype(loss);
    if constexpr (!Loss::kByThread) {
      by_team = true;
      if constexpr (Loss::kItems == LossItems::GROUPS) {
        // What a score kernel carries is a list of several: the block's team would be a large part of that code.
        evaluate_groups<Loss, sizeof...(Losses) == 1>(task, memory.team, memory.results, begin, count);
      } else {
        evaluate_row_pairs<Loss>(task, memory.team, memory.results, begin, count);
      }
    }
  });
  uint32_t kept = 0;
  for (uint32_t base = 0; base < count; base += blockDim.x) {
    const uint32_t k = base + threadIdx.x;
    const bool there = k < count;
    ItemResult result{false, 0.0f, 0.0f};
    if (there && by_team) result = memory.results.items[k];
    if (there && !by_team) {
      with_loss(task, losses, [&](auto loss) {
        if constexpr (decltype(loss)::kByThread) result = decltype(loss)::evaluate(task, begin + k);
      });
    }
    keep_valid(task, memory, chunk, k, kept, result, there);
  }
  // The highest bit: the offsets of the chunk are broken.
  if (by_team) kept |= memory.results.broken != 0 ? 0x80000000u : 0u;
  if (threadIdx.x == 0) task.chunk_valid[chunk] = kept;
}

__device__ inline void set_divisor(const LossTask &task, float divisor) {
  LossState &state = *task.state;
  state.divisor = divisor;
  state.nothing = divisor == 0.0f;
  state.scale = divisor == 0.0f ? 0.0f : 1.0f / divisor;
}

// Behind the last chunk, by one block: valid items in front of each chunk, and their number.
__device__ inline void finish_evaluation(const LossTask &task) {
  if (threadIdx.x >= kWarp) return;
  const uint32_t lane = threadIdx.x;
  uint32_t before = 0, broken = 0;
  // Neighbouring chunks of a lane, whose loads do not wait for one another: while this runs, every block waits.
  constexpr uint32_t kMine = 8;
  for (uint32_t base = 0; base < task.evaluating; base += kMine * kWarp) {
    const uint32_t begin = base + lane * kMine;
    uint32_t found[kMine], mine = 0;
    GAVEL_UNROLL
    for (uint32_t i = 0; i < kMine; ++i) found[i] = begin + i < task.evaluating ? __ldcg(task.chunk_valid + begin + i) : 0;
    GAVEL_UNROLL
    for (uint32_t i = 0; i < kMine; ++i) {
      broken |= found[i] >> 31;
      found[i] &= 0x7fffffffu;
      mine += found[i];
    }
    uint32_t sum = mine;
    for (uint32_t step = 1; step < kWarp; step *= 2) {
      const uint32_t other = __shfl_up_sync(kAllLanes, sum, step);
      if (lane >= step) sum += other;
    }
    uint32_t here = before + sum - mine;
    GAVEL_UNROLL
    for (uint32_t i = 0; i < kMine; ++i) {
      if (begin + i < task.evaluating) task.chunk_valid[begin + i] = here;
      here += found[i];
    }
    before += __shfl_sync(kAllLanes, sum, kWarp - 1);
  }
  broken = static_cast<uint32_t>(__any_sync(kAllLanes, broken != 0));
  if (lane != 0) return;
  task.state->valid_items = before;
  task.state->broken_offsets = static_cast<int32_t>(broken);
  task.state->shared_rows = 0;
  if (task.counts != nullptr) {
    task.counts[0] = before;
    task.counts[1] = static_cast<int64_t>(task.items) - before;
  }
  set_divisor(task, task.reduction == GAVEL_REDUCTION_MEAN_VALID ? static_cast<float>(before) : 1.0f);
}

// Where valid item `rank` lies among losses and weights.
__device__ __forceinline__ uint32_t valid_slot(const LossTask &task, uint32_t valid_items, uint32_t rank) {
  if (valid_items == task.items) return rank;
  uint32_t low = 0, high = task.evaluating;  // the last chunk with at most `rank` valid items in front of it
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    if (__ldcg(task.chunk_valid + middle) <= rank) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low * task.chunk + rank - __ldcg(task.chunk_valid + low);
}

// Terms of one unit. A whole unit's sum goes to sums[unit], that of the last one, where it is not whole, to `lower`.
__device__ inline void sum_unit(const LossTask &task, LossMemory &memory, const float *terms, float *sums, float *lower,
                                uint32_t unit) {
  const auto valid_items = static_cast<uint32_t>(__ldcg(&task.state->valid_items));
  const uint32_t begin = unit * kSummedTerms;
  const uint32_t count = valid_items <= begin ? 0 : min(kSummedTerms, valid_items - begin);
  if (count == 0) return;
  const uint32_t warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  __syncthreads();
  for (uint32_t node = warp; node * kWarp < count; node += blockDim.x / kWarp) {
    const uint32_t left = min(count - node * kWarp, static_cast<uint32_t>(kWarp));
    const float term = lane < left ? __ldcg(terms + valid_slot(task, valid_items, begin + node * kWarp + lane)) : 0.0f;
    const float sum = pairwise_tail<kWarp>(term, left, 0.0f);
    if (lane == 0) memory.terms[node] = sum;
  }
  __syncthreads();
  if (warp != 0) return;
  const uint32_t whole = count / kWarp;
  const float behind = count % kWarp != 0 ? memory.terms[whole] : 0.0f;
  const float sum = pairwise_tail<kWarp>(lane < whole ? memory.terms[lane] : 0.0f, whole, behind);
  if (lane == 0) *(count == kSummedTerms ? sums + unit : lower) = sum;
}

// The sum of all, by one warp.
__device__ inline float sum_units(const float *sums, const float *lower, uint32_t valid_items) {
  const uint32_t lane = threadIdx.x % kWarp;
  const uint32_t units = valid_items / kSummedTerms;
  float behind = valid_items % kSummedTerms != 0 ? __ldcg(lower) : 0.0f;
  WarpPairwise nodes;
  for (uint32_t base = 0; base < units; base += kWarp) {
    const uint32_t left = min(units - base, static_cast<uint32_t>(kWarp));
    const float term = lane < left ? __ldcg(sums + base + lane) : 0.0f;
    if (left == kWarp) {
      nodes.add(pairwise_tail<kWarp>(term, kWarp, 0.0f));
    } else {
      behind = pairwise_tail<kWarp>(term, left, behind);
    }
  }
  return nodes.total(behind);
}

// Behind the last sum, by one block.
__device__ inline void finish_sums(const LossTask &task) {
  if (threadIdx.x >= kWarp) return;
  LossState &state = *task.state;
  const auto valid_items = static_cast<uint32_t>(__ldcg(&state.valid_items));
  float divisor;
  if (task.weights == nullptr) {
    divisor = __ldcg(&state.divisor);
  } else {
    divisor = sum_units(task.weight_sums, &state.lower_weights, valid_items);
    if (threadIdx.x == 0) set_divisor(task, divisor);
  }
  if (task.loss == nullptr) return;
  const float sum = sum_units(task.loss_sums, &state.lower_losses, valid_items);
  if (threadIdx.x == 0) *task.loss = divisor == 0.0f ? 0.0f : sum / divisor;
}

// dscore of the rows of a unit. Pairs have sides, the other losses of a list do not.
template <typename... Losses>
__device__ inline void finish_gradients(const LossTask &task, uint32_t unit, LossList<Losses...>) {
  constexpr bool kNarrowPairs = ((Losses::kItems == LossItems::PAIRS && !Losses::kWide) || ...);
  constexpr bool kWidePairs = ((Losses::kItems == LossItems::PAIRS && Losses::kWide) || ...);
  constexpr bool kOthers = ((Losses::kItems != LossItems::PAIRS) || ...);
  const uint32_t begin = unit * task.gradient_rows;
  const uint32_t end = min(task.rows, begin + task.gradient_rows);
  if constexpr (kOthers) {
    if (!(kNarrowPairs || kWidePairs) || task.sides == nullptr) return scale_gradients(task, begin, end);
  }
  if constexpr (kWidePairs) {
    if (!kNarrowPairs || task.width != 1) return add_pair_gradients<true>(task, begin, end);
  }
  if constexpr (kNarrowPairs) add_pair_gradients<false>(task, begin, end);
}

// One unit of the loss of the list that the task is of, by a whole block.
template <typename... Losses>
__device__ inline void run_loss_unit(const LossTask &task, LossMemory &memory, uint32_t phase, uint32_t unit,
                                     LossList<Losses...> losses) {
  constexpr bool kPairs = ((Losses::kItems == LossItems::PAIRS) || ...);
  if (phase == kEvaluate) {
    if (unit < task.evaluating) return evaluate_chunk(task, memory, unit, losses);
    if constexpr (kPairs) {
      const uint32_t begin = (unit - task.evaluating) * kClearedRows;
      const uint32_t end = min(task.rows, begin + kClearedRows);
      for (uint32_t n = begin + threadIdx.x; n < end; n += blockDim.x) task.row_sides[n] = 0;
    }
    return;
  }
  if (phase == kSum) {
    if constexpr (kPairs) {
      if (unit < task.placing) {
        const uint32_t begin = unit * kPlacedItems;
        return place_sides(task, begin, min(task.items, begin + kPlacedItems));
      }
    }
    unit -= task.placing;
    // A loop, not two calls: ptxas 13.0 runs out of predicate registers (sm_90a) where it sees both sums at once.
    GAVEL_UNROLL_BY(1)
    for (int turn = 0; turn < 2; ++turn) {
      const bool weights = turn == 1;
      if (weights ? task.weights == nullptr : task.loss == nullptr) continue;
      sum_unit(task, memory, weights ? task.weights : task.losses, weights ? task.weight_sums : task.loss_sums,
               weights ? &task.state->lower_weights : &task.state->lower_losses, unit);
    }
    return;
  }
  if (phase == kGradient) return finish_gradients(task, unit, losses);
  if constexpr (kPairs) {
    if (phase == kScanShared) {
      const uint32_t begin = unit * kScannedRows;
      scan_shared(task, memory.team, unit, begin, min(task.rows, begin + kScannedRows));
    } else {
      const uint32_t begin = unit * kPlacedItems;
      place_shared(task, begin, min(task.items, begin + kPlacedItems));
    }
  }
}

// Behind the last unit of a phase, by a whole block.
__device__ inline void finish_loss_phase(const LossTask &task, uint32_t phase) {
  if (phase == kEvaluate) finish_evaluation(task);
  if (phase == kSum) finish_sums(task);
  if (phase == kScanShared) scan_shared_blocks(task);
}

// The whole loss by one block of any kernel, for small ones of the list: about 4096 scores and items. Scores may have been written by other
// blocks that this one has waited for. Every thread of the block; blockDim.x a multiple of 32, at most 1024. Outputs are complete behind the
// kernel, or a __syncthreads for this block.
template <typename... Losses>
__device__ inline void run_listed_loss_in_block(const LossTask &task, LossMemory &memory, LossList<Losses...> losses) {
  GAVEL_UNROLL_BY(1)
  for (uint32_t phase = 0; phase < kLossPhases; ++phase) {
    if ((phase == kScanShared || phase == kPlaceShared) && __ldcg(&task.state->shared_rows) == 0) continue;
    for (uint32_t unit = 0; unit < task.units[phase]; ++unit) run_loss_unit(task, memory, phase, unit, losses);
    __threadfence();
    __syncthreads();
    finish_loss_phase(task, phase);
    __threadfence();
    __syncthreads();
  }
}

}  // namespace gavel::cuda

#endif
