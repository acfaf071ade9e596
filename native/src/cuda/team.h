// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// team.h: the threads that work on one group of scores: one, 8 lanes, a warp or a block, with one interface, so that a group's loss is
// written once. Whatever the team, reductions of integers are exact and sums are in pairwise order: the team's size never shows in a result.
//
// A team walks its group in tiles of size() entries. Every thread of the team (of the warp, for teams of 8) makes every call. What has
// to be done entry after entry is done by its walkers, the first kWalkers threads, a tile of kWalkers entries at a time (chain.h).
#ifndef GAVEL_CUDA_TEAM_H
#define GAVEL_CUDA_TEAM_H

#include "common/numeric.h"
#include "cuda/device.h"
#include "cuda/pairwise.h"

namespace gavel::cuda {

constexpr uint32_t kMostThreads = 1024;

// Shared memory of a block's teams.
struct TeamMemory {
  float terms[2 * kMostThreads];  // two tiles per team
  float nodes[kMostThreads / kWarp];
  unsigned long long words[kMostThreads / kWarp];
  float total;
};

struct Add {
  __device__ __forceinline__ static unsigned long long apply(unsigned long long a, unsigned long long b) { return a + b; }
};
struct Most {
  __device__ __forceinline__ static unsigned long long apply(unsigned long long a, unsigned long long b) {
    return a > b ? a : b;
  }
};

// Larger for larger numbers; of equal ones for the one in front. 0 and -0 are equal. Never 0.
__device__ __forceinline__ unsigned long long rank_of(float value, uint32_t entry) {
  const uint32_t bits = bits_of(value + 0.0f);
  const uint32_t rising = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<unsigned long long>(rising) << 32 | ~entry;
}

template <typename Operation, int kLanes>
__device__ __forceinline__ unsigned long long reduce_lanes(unsigned long long value) {
  for (int step = kLanes / 2; step > 0; step /= 2) {
    value = Operation::apply(value, __shfl_xor_sync(kAllLanes, value, step, kLanes));
  }
  return value;
}

// One thread, for few entries: fewer than 2^kLevels terms in a sum.
class ThreadTeam {
 public:
  static constexpr uint32_t kThreads = 1;
  static constexpr uint32_t kWalkers = 1;
  static constexpr uint32_t kLevels = 6;
  __device__ ThreadTeam(TeamMemory &) {}
  __device__ static uint32_t size() { return 1; }
  __device__ static uint32_t rank() { return 0; }
  __device__ static void sync() {}
  template <typename Operation>
  __device__ unsigned long long reduce(unsigned long long value) const {
    return value;
  }
  __device__ void start_sum() { terms_ = ThreadPairwise<kLevels>(); }
  __device__ void add(bool counts, float term, bool) {
    if (counts) terms_.add(term);
  }
  __device__ float total() const { return terms_.total(); }

 private:
  ThreadPairwise<kLevels> terms_;
};

// 8 or 32 lanes of one warp. A team of 8 has groups of one tile only: its warp's teams must not part ways.
template <int kLanes>
class LaneTeam {
 public:
  static constexpr uint32_t kThreads = kLanes;
  static constexpr uint32_t kWalkers = kLanes;
  __device__ LaneTeam(TeamMemory &memory) : terms_(memory.terms + threadIdx.x / kLanes * (2 * kLanes)) {}
  __device__ static uint32_t size() { return kLanes; }
  __device__ static uint32_t rank() { return threadIdx.x % kLanes; }
  __device__ static void sync() { __syncwarp(); }
  template <typename Operation>
  __device__ unsigned long long reduce(unsigned long long value) const {
    return reduce_lanes<Operation, kLanes>(value);
  }

  __device__ void start_sum() {
    pending_ = 0;
    if constexpr (kLanes == kWarp) nodes_ = WarpPairwise();
  }
  // packed: the entries that count are the first of the tile.
  __device__ void add(bool counts, float term, bool packed) {
    const uint32_t first = threadIdx.x % kWarp / kLanes * kLanes;
    const uint32_t lanes = (__ballot_sync(kAllLanes, counts) >> first) & (kAllLanes >> (kWarp - kLanes));
    const auto found = static_cast<uint32_t>(__popc(lanes));
    if (packed) {
      term_ = term;
      pending_ = found;
    } else {
      if (counts) terms_[pending_ + static_cast<uint32_t>(__popc(lanes & ((1u << rank()) - 1)))] = term;
      __syncwarp();
      pending_ += found;
      term_ = rank() < pending_ ? terms_[rank()] : 0.0f;
    }
    if constexpr (kLanes == kWarp) {
      if (pending_ < kLanes) return;
      nodes_.add(pairwise_tail<kLanes>(term_, kLanes, 0.0f));
      pending_ -= kLanes;
      if (packed) return;
      if (rank() < pending_) term_ = terms_[kLanes + rank()];
      __syncwarp();
      if (rank() < pending_) terms_[rank()] = term_;
      __syncwarp();
    }
  }
  __device__ float total() {
    __syncwarp();
    const float lower = pairwise_tail<kLanes>(term_, pending_, 0.0f);
    if constexpr (kLanes == kWarp) {
      return nodes_.total(lower);
    } else {
      return lower;
    }
  }

 private:
  float *terms_;
  float term_ = 0.0f;     // of the tile that is not full yet, one per lane
  uint32_t pending_ = 0;  // how many it has
  WarpPairwise nodes_;
};

// Every thread of the block.
class BlockTeam {
 public:
  static constexpr uint32_t kWalkers = kWarp;
  __device__ BlockTeam(TeamMemory &memory) : memory_(memory) {}
  __device__ static uint32_t size() { return blockDim.x; }
  __device__ static uint32_t rank() { return threadIdx.x; }
  __device__ static void sync() { __syncthreads(); }
  template <typename Operation>
  __device__ unsigned long long reduce(unsigned long long value) {
    value = reduce_lanes<Operation, kWarp>(value);
    __syncthreads();
    if (threadIdx.x % kWarp == 0) memory_.words[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = memory_.words[0];
    for (uint32_t warp = 1; warp < blockDim.x / kWarp; ++warp) value = Operation::apply(value, memory_.words[warp]);
    return value;
  }

  __device__ void start_sum() {
    pending_ = 0;
    nodes_ = WarpPairwise();
  }
  __device__ void add(bool counts, float term, bool packed) {
    const uint32_t tile = blockDim.x;
    if (packed) {
      term_ = term;
      pending_ = static_cast<uint32_t>(__syncthreads_count(counts));
    } else {
      const uint32_t lanes = __ballot_sync(kAllLanes, counts);
      const uint32_t warp = threadIdx.x / kWarp;
      __syncthreads();
      if (threadIdx.x % kWarp == 0) memory_.words[warp] = static_cast<unsigned long long>(__popc(lanes));
      __syncthreads();
      uint32_t found = 0, before = 0;
      for (uint32_t w = 0; w < tile / kWarp; ++w) {
        if (w == warp) before = found;
        found += static_cast<uint32_t>(memory_.words[w]);
      }
      const uint32_t lane = threadIdx.x % kWarp;
      if (counts) memory_.terms[pending_ + before + static_cast<uint32_t>(__popc(lanes & ((1u << lane) - 1)))] = term;
      __syncthreads();
      pending_ += found;
      term_ = threadIdx.x < pending_ ? memory_.terms[threadIdx.x] : 0.0f;
    }
    if (pending_ < tile) return;
    add_tile(tile, 0);
    pending_ -= tile;
    if (packed) return;
    if (threadIdx.x < pending_) term_ = memory_.terms[tile + threadIdx.x];
    __syncthreads();
    if (threadIdx.x < pending_) memory_.terms[threadIdx.x] = term_;
    __syncthreads();
  }
  __device__ float total() {
    add_tile(pending_, 1);
    return memory_.total;
  }

 private:
  // The first warp counts the nodes of all.
  __device__ void add_tile(uint32_t count, int last) {
    const uint32_t begin = threadIdx.x / kWarp * kWarp;
    const uint32_t mine = count <= begin ? 0u : min(count - begin, static_cast<uint32_t>(kWarp));
    const float node = pairwise_tail<kWarp>(term_, mine, 0.0f);
    __syncthreads();
    if (threadIdx.x % kWarp == 0) memory_.nodes[threadIdx.x / kWarp] = node;
    __syncthreads();
    if (threadIdx.x < kWarp) {
      const uint32_t whole = count / kWarp;
      for (uint32_t w = 0; w < whole; ++w) nodes_.add(memory_.nodes[w]);
      if (last != 0) {
        const float sum = nodes_.total(count % kWarp != 0 ? memory_.nodes[whole] : 0.0f);
        if (threadIdx.x == 0) memory_.total = sum;
      }
    }
    __syncthreads();
  }

  TeamMemory &memory_;
  float term_ = 0.0f;
  uint32_t pending_ = 0;
  WarpPairwise nodes_;
};

}  // namespace gavel::cuda

#endif
