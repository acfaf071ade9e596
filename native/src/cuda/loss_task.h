// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_task.h: a loss as its kernel sees it: a LossPlan (common/loss.h) in plain device pointers, and its scratch memory.
#ifndef GAVEL_CUDA_LOSS_TASK_H
#define GAVEL_CUDA_LOSS_TASK_H

#include "common/numeric.h"
#include "cuda/device.h"
#include "cuda/fault.h"
#include "gavel/gavel.h"

namespace gavel::cuda {

// `limit` of kFaultLossParameter.
enum LossParameter : int32_t {
  kLossWeight = 0,
  kLossBeta = 1,
  kLossMargin = 2,
  kLossLabelSmoothing = 3,
  kLossCenter = 4,
  kLossTie = 5,
  kLossTemperature = 6
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
  int32_t shared_scores;   // some score has more than kSlots items
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
  const uint8_t *valid;  // likewise
  ItemNumber weight, beta, margin, label_smoothing, center, tie, temperature;
  const int64_t *pairs;  // [items, 2], rows pair_stride apart
  int64_t pair_stride;
  const uint8_t *tie_mask;
  const int64_t *offsets;
  const int64_t *target_index;
  const float *target_weights;
  float *item_loss;
  float *loss;
  float *dscore;
  int64_t *counts;
  Fault *fault;

  uint32_t units[kLossPhases];
  uint32_t evaluating;  // of units[kEvaluate]: those that evaluate items; the others clear score_items
  uint32_t chunk;       // items per evaluating unit
  uint32_t placing;     // of units[kSum]: those that place items; the others sum

  // Scratch memory.
  LossState *state;
  uint32_t *counters;     // a ticket and kLossPhases numbers of finished units; 0 between kernels
  uint32_t *chunk_valid;  // [evaluating]: valid items of each chunk; later of all chunks before it
  float *losses;          // [evaluating, chunk]: of the valid items of a chunk, in order
  float *weights;         // likewise; WEIGHTED_MEAN
  float *loss_sums;       // of whole kSummedTerms
  float *weight_sums;
  // BRADLEY_TERRY with dscore.
  float *gradients;        // [items, 2]: of the chosen and the rejected score, before the reduction
  uint32_t *sides;         // [items, 2]: the scores, kNoSide where the item has no part in them
  uint32_t *score_items;   // [scores]: how many sides a score has
  uint32_t *slots;         // [scores, kSlots]: its sides, in any order
  uint32_t *shared_next;   // [scores]: where the next side of a score goes, from its block's start
  uint32_t *shared_block;  // [scores / kScannedScores]: where a block's sides start
  uint32_t *shared_sides;  // [2 items]: the sides of scores that have more than kSlots, one score after the other
};

constexpr uint32_t kNoSide = 0xffffffffu;
constexpr uint32_t kSlots = 16;
constexpr uint32_t kSummedTerms = 1024;    // a power of two: one node of the pairwise tree
constexpr uint32_t kPairChunk = 256;       // pairs per evaluating unit
constexpr uint32_t kGroupChunk = 32;       // groups per evaluating unit
constexpr uint32_t kPlacedItems = 512;     // pairs per placing unit
constexpr uint32_t kClearedScores = 2048;  // scores per clearing unit
constexpr uint32_t kScannedScores = 1024;  // scores per scanning unit
constexpr uint32_t kGradientScores = 256;  // scores per gradient unit

__device__ __forceinline__ float number_at(const ItemNumber &number, uint32_t item) {
  return number.values != nullptr ? number.values[item] : number.scalar;
}

__device__ __forceinline__ bool score_counts(const LossTask &task, uint32_t n) {
  return (task.mask == nullptr || task.mask[n] != 0) && (task.valid == nullptr || __ldcg(task.valid + n) != 0);
}

__device__ __forceinline__ float score_at(const LossTask &task, uint32_t n) {
  return __ldcg(task.scores + static_cast<int64_t>(n) * task.score_stride);
}

enum class LossRange { FINITE, NOT_NEGATIVE, POSITIVE, UNIT };

template <LossRange kRange>
__device__ __forceinline__ bool in_loss_range(float value) {
  switch (kRange) {
    case LossRange::FINITE:
      return is_finite(value);
    case LossRange::NOT_NEGATIVE:
      return is_finite(value) && value >= 0.0f;
    case LossRange::POSITIVE:
      return is_finite(value) && value >= 0x1p-126f;
    default:
      return value >= 0.0f && value <= 1.0f;
  }
}

// A number of one item; where it is out of range the fault is reported and `good` becomes false. Scalars were checked by the caller.
template <LossRange kRange>
__device__ __forceinline__ float checked_number(const LossTask &task, const ItemNumber &number, LossParameter which,
                                                uint32_t item, bool &good) {
  if (number.values == nullptr) return number.scalar;
  const float value = number.values[item];
  if (!in_loss_range<kRange>(value)) {
    report_fault(task.fault, kFaultLossParameter, item, bits_of(value), which);
    good = false;
  }
  return value;
}

__device__ __forceinline__ float quiet_nan() {
  return float_of(0x7fc00000u);
}

}  // namespace gavel::cuda

#endif
