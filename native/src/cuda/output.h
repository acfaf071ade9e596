// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// output.h: from the sum over the last layer's inputs to a score, and what the last block of a call does.
#ifndef GAVEL_CUDA_OUTPUT_H
#define GAVEL_CUDA_OUTPUT_H

#include <cstdint>

#include "cuda/lane.h"
#include "cuda/loss_phases.h"
#include "cuda/pooling.h"

namespace gavel::cuda {

// What the blocks of one call count. One for each stream (its calls run one after another), all zeros between calls: the last block
// leaves it so. A kernel that was cut short does not, but then the device is lost and the stream with it.
struct Counters {
  unsigned finished;  // blocks (or groups of blocks) that are done
  unsigned reserved;
  unsigned long long invalid;
  unsigned long long nan;
};

// Readout and targets of a call. A kernel argument.
struct Output {
  int64_t items;
  int32_t outputs;   // K
  int32_t dtype;     // of bias
  const void *bias;  // [K] or null
  float scale;
  int32_t readout;
  float mean;
  float deviation;
  float *scores;
  int64_t score_stride;
  float *logits;  // or null
  int64_t logit_stride;
  uint8_t *valid;  // [items] or null: set to 1 where the item is valid, else to 0, for the loss
  Counters *counters;
  int64_t *counts;  // [2] or null
  bool has_loss;    // the last block computes `loss` of the scores; a small one (is_small_loss)
  LossTask loss;
};

// Bits of a NaN that leaves the library.
__device__ inline float canonical(float value) {
  return value == value ? value : __uint_as_float(0x7fc00000u);
}

// Logit and score of output k of item r. Returns whether the score is NaN.
__device__ inline bool write_score(const Output &output, int64_t r, int64_t k, float sum, ItemState state) {
  float logit = sum;
  if (output.bias != nullptr) logit += load_element(output.dtype, output.bias, k);
  logit *= output.scale;
  float score = logit;
  if (output.readout == GAVEL_READOUT_AFFINE) score = (logit - output.mean) / output.deviation;
  if (output.readout == GAVEL_READOUT_SIGMOID) score = lane::logistic(logit);
  if (state == ItemState::FAULT) logit = score = __uint_as_float(0x7fc00000u);
  if (state == ItemState::INVALID) logit = score = __uint_as_float(0xff800000u);
  output.scores[r * output.score_stride + k] = canonical(score);
  if (output.logits != nullptr) output.logits[r * output.logit_stride + k] = canonical(logit);
  return score != score;
}

// Counts an item whose outputs are written. One thread calls it for each item.
__device__ inline void count_item(const Output &output, int64_t r, ItemState state, bool nan) {
  if (output.valid != nullptr) output.valid[r] = state != ItemState::INVALID;
  if (output.counts == nullptr) return;
  if (state == ItemState::INVALID) atomicAdd(&output.counters->invalid, 1ull);
  if (nan) atomicAdd(&output.counters->nan, 1ull);
}

// Whether this block is the last of `blocks` to come here, to all its threads alike; what the others wrote before is then visible to it.
// Every thread of the block calls it. The counter is 0 again afterwards.
__device__ inline bool last_to_finish(unsigned *counter, unsigned blocks) {
  GAVEL_SHARED(unsigned[1], drawn);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    drawn[0] = atomicAdd(counter, 1u);
    if (drawn[0] == blocks - 1) atomicExch(counter, 0u);
  }
  __syncthreads();
  const bool last = drawn[0] == blocks - 1;
  if (last) __threadfence();
  // Nobody may draw again before all have read.
  __syncthreads();
  return last;
}

// Not inlined: its registers are not those of the kernel's loops, and a file compiles it once.
static __device__ __noinline__ void run_small_loss(const LossTask &task) {
  GAVEL_SHARED(LossMemory, memory);
  run_listed_loss_in_block(task, memory, SmallLosses{});
}

// The end of a call whose scores are written by `blocks` blocks: the last one puts down the counts. Every thread of each calls it.
// Returns whether this is the last one.
__device__ inline bool finish_counts(const Output &output, unsigned blocks) {
  if (!last_to_finish(&output.counters->finished, blocks)) return false;
  if (threadIdx.x == 0 && output.counts != nullptr) {
    output.counts[0] = static_cast<int64_t>(atomicExch(&output.counters->invalid, 0ull));
    output.counts[1] = static_cast<int64_t>(atomicExch(&output.counters->nan, 0ull));
  }
  return true;
}

// The same, and the loss, where it is small enough for one block.
__device__ inline void finish_call(const Output &output, unsigned blocks) {
  if (output.counts == nullptr && !output.has_loss) return;
  if (finish_counts(output, blocks) && output.has_loss) run_small_loss(output.loss);
}

}  // namespace gavel::cuda

#endif
