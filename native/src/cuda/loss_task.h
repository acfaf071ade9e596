// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_task.h: a loss as its kernel sees it: a LossPlan (common/loss.h) in plain device pointers, and its scratch memory.
#ifndef GAVEL_CUDA_LOSS_TASK_H
#define GAVEL_CUDA_LOSS_TASK_H

#include "common/loss_range.h"
#include "cuda/device.h"
#include "cuda/report_fault.h"
#include "gavel/gavel.h"

namespace gavel::cuda {

// `limit` of kFaultLossParameter: the numbers in the order of kLossNumbers (common/loss.h).
enum LossParameter : int32_t {
  kLossWeight = 0,
  kLossBeta = 1,
  kLossMargin = 2,
  kLossLabelSmoothing = 3,
  kLossCenter = 4,
  kLossTie = 5,
  kLossTemperature = 6,
  kLossZeta = 7,
  kLossPositiveWeight = 8,
  kLossQuantile = 9,
  kLossParameters = 10
};

// How the items of a loss lie on the scores.
enum class LossItems : int32_t {
  PAIRS,   // of rows of scores; a row may be in many
  GROUPS,  // of neighbouring scores, each in one
  SCORES   // every score is one
};

// One number, or one per item.
struct ItemNumber {
  float scalar;
  const float *values;
};

// Written in one phase, read in later ones.
struct LossState {
  int64_t valid_items;
  float divisor;       // of the reduction
  float scale;         // 1 / divisor, 0 where nothing counts
  float lower_losses;  // sums of the terms behind the last whole kSummedTerms
  float lower_weights;
  int32_t nothing;         // the divisor is 0
  int32_t broken_offsets;  // it is not known whose the scores are
  int32_t shared_rows;     // some row has more than kSlots sides
};

// The kernel's work is cut into units of several phases, each phase reading what the ones before it have written (loss_phases.h).
enum LossPhase { kEvaluate, kSum, kScanShared, kPlaceShared, kGradient, kLossPhases };

struct LossTask {
  int32_t kind;
  int32_t reduction;
  uint32_t items;
  uint32_t score_count;
  const float *scores;
  int64_t score_stride;
  const uint8_t *mask;   // 0 where a score does not count; null: all do
  const uint8_t *valid;  // likewise, but one for `outputs` scores
  uint32_t outputs;
  ItemNumber numbers[kLossParameters];
  const int64_t *pairs;  // [items, 2], rows pair_stride apart
  int64_t pair_stride;
  const uint8_t *tie_mask;
  const int64_t *offsets;
  const int64_t *target_index;
  const float *target_weights;
  const int64_t *ranks;
  const uint8_t *labels;
  const float *targets;
  const float
      *admissible;  // [width, width], rows admissible_stride apart; null: 1 where the chosen level is above the rejected
  int64_t admissible_stride;
  int64_t top_k;
  float *item_loss;
  float *loss;
  float *dscore;
  int64_t *counts;
  Fault *fault;

  uint32_t width;  // scores of a row
  uint32_t rows;   // of which gradients are made: all scores, `width` at a time

  uint32_t units[kLossPhases];
  uint32_t evaluating;     // of units[kEvaluate]: those that evaluate items; the others clear score_items
  uint32_t chunk;          // items per evaluating unit
  uint32_t placing;        // of units[kSum]: those that place items; the others sum
  uint32_t gradient_rows;  // rows per gradient unit

  // Scratch memory.
  LossState *state;
  uint32_t *counters;     // a ticket and kLossPhases numbers of finished units; 0 between kernels
  uint32_t *chunk_valid;  // [evaluating]: valid items of each chunk; later of all chunks before it
  float *losses;          // [evaluating, chunk]: of the valid items of a chunk, in order
  float *weights;         // likewise; WEIGHTED_MEAN
  float *loss_sums;       // of whole kSummedTerms
  float *weight_sums;
  // Losses that walk their entries one after another.
  uint32_t *order;    // [scores]: the entries of each group, best first
  float *entries[3];  // [scores]: what was found of each place
  // Pairs.
  float *gradients;     // [items, 2, width]: of the chosen and the rejected row, before the reduction
  uint32_t *sides;      // [items, 2]: the rows, kNoSide where the item has no part in them. This and what follows: with dscore
  uint32_t *row_sides;  // [rows]: how many sides a row has
  uint32_t *slots;      // [rows, kSlots]: its sides, in any order
  uint32_t *shared_next;   // [rows]: where the next side of a row goes, from its block's start
  uint32_t *shared_block;  // [rows / kScannedRows]: where a block's sides start
  uint32_t *shared_sides;  // [2 items]: the sides of rows that have more than kSlots, one row after the other
};

constexpr uint32_t kNoSide = 0xffffffffu;
constexpr uint32_t kSlots = 16;
constexpr uint32_t kSummedTerms = 1024;    // a power of two: one node of the pairwise tree
constexpr uint32_t kThreadChunk = 256;     // items per evaluating unit where a thread takes one
constexpr uint32_t kTeamChunk = 32;        // where a team takes one
constexpr uint32_t kPlacedItems = 512;     // pairs per placing unit
constexpr uint32_t kClearedRows = 2048;    // rows per clearing unit
constexpr uint32_t kScannedRows = 1024;    // rows per scanning unit
constexpr uint32_t kGradientScores = 256;  // scores per gradient unit

// What most losses (loss_kinds.h) are like.
struct LossTraits {
  static constexpr bool kByThread = false;
  static constexpr bool kWide = false;
  static constexpr int kEntryFloats = 0;
  static constexpr int kBlocks = 3;
};

// What an item came to.
struct ItemResult {
  bool counts;
  float loss;
  float weight;
};

template <LossParameter kWhich>
__device__ __forceinline__ float number_at(const LossTask &task, uint32_t item) {
  const ItemNumber &number = task.numbers[kWhich];
  return number.values != nullptr ? number.values[item] : number.scalar;
}

__device__ __forceinline__ bool score_counts(const LossTask &task, uint32_t n) {
  if (task.mask != nullptr && task.mask[n] == 0) return false;
  return task.valid == nullptr || __ldcg(task.valid + (task.outputs == 1 ? n : n / task.outputs)) != 0;
}

__device__ __forceinline__ float score_at(const LossTask &task, uint32_t n) {
  return __ldcg(task.scores + static_cast<int64_t>(n) * task.score_stride);
}

// A number of one item; where it is out of range the fault is reported and `good` becomes false. Scalars were checked by the caller.
template <LossParameter kWhich, Range kRange>
__device__ __forceinline__ float checked_number(const LossTask &task, uint32_t item, bool &good) {
  const ItemNumber &number = task.numbers[kWhich];
  if (number.values == nullptr) return number.scalar;
  const float value = number.values[item];
  if (!in_range(value, kRange)) {
    report_fault(task.fault, kFaultLossParameter, item, bits_of(value), kWhich);
    good = false;
  }
  return value;
}

__device__ __forceinline__ float quiet_nan() {
  return float_of(0x7fc00000u);
}

}  // namespace gavel::cuda

#endif
