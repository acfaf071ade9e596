// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// chain.h: the chains of common/log_sum_chain.h by the walkers of a team (team.h): a warp, or one thread.
//
// An entry's place in its set depends on all before it, but not much of the work does: leaders are a running maximum, which lanes find by
// halves, and every lane takes its exponential and its logarithm by itself. Only the sum goes from lane to lane, two roundings an entry, in
// the CPU's order; 32 entries cost a warp what one costs a thread.
#ifndef GAVEL_CUDA_CHAIN_H
#define GAVEL_CUDA_CHAIN_H

#include "common/log_sum_chain.h"
#include "cuda/device.h"

namespace gavel::cuda {

struct WalkedEntry {
  ChainEntry entry;
  LogSumChain set;  // up to and with the entry
};

// Adds the z of each walker with `in` to the set, in the order of the walkers, who all call this. What is returned to one without `in` means
// nothing.
template <uint32_t kWalkers>
__device__ inline WalkedEntry walk_chain(LogSumChain &chain, bool in, float z) {
  if constexpr (kWalkers == 1) {
    WalkedEntry walked{};
    if (in) walked.entry = add_to_chain(chain, z);
    walked.set = chain;
    return walked;
  } else {
    static_assert(kWalkers == kWarp);
    const uint32_t lane = threadIdx.x % kWarp;
    const uint32_t lanes = __ballot_sync(kAllLanes, in);
    if (lanes == 0) return {};
    const auto first = static_cast<uint32_t>(__ffs(static_cast<int>(lanes)) - 1);
    const bool starts = chain.empty;
    const float front = __shfl_sync(kAllLanes, z, static_cast<int>(first));
    const float start = starts ? front : chain.leader;
    // A NaN leads where it is the very first, and nowhere else: nothing is above it, and it is above nothing.
    float most = in && !is_nan(z) ? z : -kInfinity;
    for (uint32_t step = 1; step < kWarp; step *= 2) {
      const float other = __shfl_up_sync(kAllLanes, most, step);
      if (lane >= step) most = most > other ? most : other;
    }
    const float others = __shfl_up_sync(kAllLanes, most, 1);
    const float before = lane > 0 && others > start ? others : start;
    const bool alone = starts && lane == first;
    const bool leads = alone || z > before;
    float e = 0.0f;
    if (in && !alone) e = exponential(leads ? before - z : z - before);
    const uint32_t leaders = __ballot_sync(kAllLanes, in && leads);
    float rest = chain.rest, mine = 0.0f;
    for (uint32_t l = 0; l < kWarp; ++l) {
      const float next = __shfl_sync(kAllLanes, e, static_cast<int>(l));
      if ((lanes >> l & 1) != 0) {
        rest = starts && l == first ? 0.0f : (leaders >> l & 1) != 0 ? (1.0f + rest) * next : rest + next;
      }
      if (l == lane) mine = rest;
    }
    const float last = __shfl_sync(kAllLanes, most, kWarp - 1);
    chain = {last > start ? last : start, rest, false};
    WalkedEntry walked;
    walked.set = {leads ? z : before, mine, false};
    walked.entry = entry_in_chain(walked.set, {z, leads ? 1.0f : e, leads});
    return walked;
  }
}

// The set of one walker, to all of them.
template <uint32_t kWalkers>
__device__ __forceinline__ LogSumChain set_of_walker(const LogSumChain &set, uint32_t walker) {
  if constexpr (kWalkers == 1) {
    return set;
  } else {
    const auto from = static_cast<int>(walker);
    return {__shfl_sync(kAllLanes, set.leader, from), __shfl_sync(kAllLanes, set.rest, from), false};
  }
}

// Behind it walkers see what the others wrote before it.
template <uint32_t kWalkers>
__device__ __forceinline__ void sync_walkers() {
  if constexpr (kWalkers > 1) __syncwarp();
}

// The walk back (seen_before): what each walker with `in` sees; `seen` is then what the next one after the last walker would.
template <uint32_t kWalkers>
__device__ inline float walk_back(float &seen, bool in, float others) {
  float mine = seen;
  if constexpr (kWalkers == 1) {
    if (in) seen = seen_before(seen, others);
  } else {
    const uint32_t lanes = __ballot_sync(kAllLanes, in);
    for (uint32_t l = 0; l < kWarp; ++l) {
      const float next = __shfl_sync(kAllLanes, others, static_cast<int>(l));
      if (l == threadIdx.x % kWarp) mine = seen;
      if ((lanes >> l & 1) != 0) seen = seen_before(seen, next);
    }
  }
  return mine;
}

}  // namespace gavel::cuda

#endif
