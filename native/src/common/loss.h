// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss.h: a checked gavel_loss_args, and what a loss is made of.
//
// A loss is one LossFamily in a file of its own, its row functions in a header of the same name (shared with the device, whose part is
// cuda/loss_kinds.h), and one line in loss.cpp; how the CPU evaluates many items at once is its LossBlocks (cpu/loss_run.h), with the same
// bits. Item losses are summed as pairwise_sum.h says, gradients of a score that several items share are added in the order of the items, so
// bits depend on nothing else.
#ifndef GAVEL_COMMON_LOSS_H
#define GAVEL_COMMON_LOSS_H

#include <cstdint>

#include "common/call_tensors.h"
#include "common/loss_range.h"
#include "common/tensor.h"
#include "gavel/gavel.h"

namespace gavel {

// A parameter that is one number, or one per item.
struct PerItem {
  float scalar = 0.0f;
  const float *values = nullptr;
  float at(int64_t item) const { return values != nullptr ? values[item] : scalar; }
};

struct LossFamily;

// Pair k is (chosen + step k, rejected + step k), and no score is named twice. step 2: chosen and rejected scores alternate; 1: each are a
// row of their own; 0: the pairs lie otherwise.
struct PairRow {
  int64_t chosen;
  int64_t rejected;
  int64_t step;

  bool present() const { return step != 0; }
  int64_t distance() const { return chosen < rejected ? rejected - chosen : chosen - rejected; }
  PairRow from(int64_t pair) const { return {chosen + step * pair, rejected + step * pair, step}; }
  bool operator==(const PairRow &) const = default;
};

// Views into the caller's memory; owns nothing.
struct LossPlan {
  const LossFamily *family;
  int32_t reduction;
  int64_t items;

  // Score n is scores[n * score_stride]. `valid` is what the library itself knows, besides the caller's mask; null: all are.
  const float *scores;
  int64_t score_stride;
  int64_t score_count;
  const uint8_t *mask;
  const uint8_t *valid;

  PerItem weight;
  PerItem beta;
  PerItem margin;
  PerItem label_smoothing;
  PerItem center;
  PerItem tie;
  PerItem temperature;
  PerItem zeta;
  PerItem positive_weight;
  PerItem quantile;

  Tensor pairs;
  const uint8_t *tie_mask;
  const int64_t *offsets;
  const int64_t *target_index;
  const float *target_weights;
  const int64_t *ranks;
  const uint8_t *labels;
  const float *targets;
  Tensor admissible;
  int64_t top_k;
  int64_t classes;

  float *item_loss;
  float *loss;
  float *dscore;
  int64_t *counts;

  // On the host: loss_scratch_bytes(plan) bytes, aligned to 8.
  char *scratch;
  int64_t scratch_bytes;
  // On the host: all pairs of BRADLEY_TERRY, where they are such a row (prepare_loss). Their numbers are not read again then.
  PairRow row;

  bool is_valid(int64_t n) const { return (mask == nullptr || mask[n] != 0) && (valid == nullptr || valid[n] != 0); }
  float score(int64_t n) const { return scores[n * score_stride]; }
};

// The numbers of a loss, as bits of LossFamily::numbers.
enum LossNumber : uint32_t {
  kBeta = 1u << 0,
  kMargin = 1u << 1,
  kLabelSmoothing = 1u << 2,
  kCenter = 1u << 3,
  kTie = 1u << 4,
  kTemperature = 1u << 5,
  kZeta = 1u << 6,
  kPositiveWeight = 1u << 7,
  kQuantile = 1u << 8,
};

// The tensors that say what the items of a loss are, as bits of LossFamily::tensors.
enum LossTensor : uint32_t {
  kPairs = 1u << 0,
  kTieMask = 1u << 1,
  kOffsets = 1u << 2,
  kTargetIndex = 1u << 3,
  kTargetWeights = 1u << 4,
  kRanks = 1u << 5,
  kLabels = 1u << 6,
  kTargets = 1u << 7,
  kAdmissible = 1u << 8,
};

// One member of the loss vocabulary.
struct LossFamily {
  int32_t kind;      // GAVEL_LOSS_*
  const char *name;  // as in messages
  const char *with;  // what follows "must be absent": "with BRADLEY_TERRY"
  const char *item;  // what an item is called: "pair", "group"
  uint32_t numbers;  // LossNumber bits it uses besides weight
  uint32_t tensors;  // LossTensor bits it uses; check_loss refuses the others
  // Takes the tensors that belong to this loss; sets plan.items. Reads no value.
  void (*check_tensors)(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan);
  // Throws Failure where a value of those tensors is wrong for every item. Host memory only.
  void (*check_values)(const LossPlan &plan);
  // Whether an item counts. Throws Failure where the item itself is wrong (an index out of range, a target on a masked score).
  bool (*valid)(const LossPlan &plan, int64_t item);
  // Loss of a valid item; adds scale times its gradient to dscore where that is wanted.
  float (*run)(const LossPlan &plan, int64_t item, float scale);
  // Bytes of scratch that valid and run need (plan.scratch); null: none. Host memory only.
  int64_t (*scratch_bytes)(const LossPlan &plan) = nullptr;
};

// What the messages call a number, and what it may be.
struct LossNumberField {
  const char *name;         // "loss.beta"
  const char *values_name;  // "loss.beta_values"
  uint32_t bit;             // 0: every loss uses it
  float gavel_loss_args::*scalar;
  gavel_tensor gavel_loss_args::*values;
  PerItem LossPlan::*number;
  Range range;
};
constexpr LossNumberField kLossNumbers[] = {
    {"loss.weight", "loss.weight_values", 0, &gavel_loss_args::weight, &gavel_loss_args::weight_values, &LossPlan::weight,
     Range::NOT_NEGATIVE},
    {"loss.beta", "loss.beta_values", kBeta, &gavel_loss_args::beta, &gavel_loss_args::beta_values, &LossPlan::beta,
     Range::POSITIVE},
    {"loss.margin", "loss.margin_values", kMargin, &gavel_loss_args::margin, &gavel_loss_args::margin_values, &LossPlan::margin,
     Range::FINITE},
    {"loss.label_smoothing", "loss.label_smoothing_values", kLabelSmoothing, &gavel_loss_args::label_smoothing,
     &gavel_loss_args::label_smoothing_values, &LossPlan::label_smoothing, Range::UNIT},
    {"loss.center", "loss.center_values", kCenter, &gavel_loss_args::center, &gavel_loss_args::center_values, &LossPlan::center,
     Range::NOT_NEGATIVE},
    {"loss.tie", "loss.tie_values", kTie, &gavel_loss_args::tie, &gavel_loss_args::tie_values, &LossPlan::tie,
     Range::NOT_NEGATIVE},
    {"loss.temperature", "loss.temperature_values", kTemperature, &gavel_loss_args::temperature,
     &gavel_loss_args::temperature_values, &LossPlan::temperature, Range::POSITIVE},
    {"loss.zeta", "loss.zeta_values", kZeta, &gavel_loss_args::zeta, &gavel_loss_args::zeta_values, &LossPlan::zeta,
     Range::FINITE},
    {"loss.positive_weight", "loss.positive_weight_values", kPositiveWeight, &gavel_loss_args::positive_weight,
     &gavel_loss_args::positive_weight_values, &LossPlan::positive_weight, Range::NOT_NEGATIVE},
    {"loss.quantile", "loss.quantile_values", kQuantile, &gavel_loss_args::quantile, &gavel_loss_args::quantile_values,
     &LossPlan::quantile, Range::INSIDE_UNIT},
};

// args: a copy of the caller's (read_struct). n: number of scores; kAny takes it from args.scores (gavel_loss), any other value requires
// args.scores to be absent (gavel_score). Checks everything but the values in memory, which may be a device's. Throws Failure; messages
// name "loss.<field>".
LossPlan check_loss(const gavel_loss_args &args, int64_t n, CallTensors &tensors);
// Scratch that plan.scratch must point to before the two functions below. Host memory only; plan.valid is set.
int64_t loss_scratch_bytes(const LossPlan &plan);
// The values: every number in its range, every index inside, no target on a masked score. Host memory only; plan.valid is set.
void check_loss_values(const LossPlan &plan);

// Computes and writes every output, on the host. scores: [n] floats, score_stride floats apart; gavel_loss passes args.scores. Indices
// are checked again where they are used, so a caller who changes them during the call gets an error at worst. The caller flushes denormals.
void run_loss(const LossPlan &plan, const float *scores, int64_t score_stride);

// Reads an index once, so that what was checked is what is used even if another thread changes the caller's memory meanwhile.
inline int64_t load_index(const int64_t *index) {
  return __atomic_load_n(index, __ATOMIC_RELAXED);
}

extern const LossFamily kBradleyTerry;
extern const LossFamily kCrossEntropy;
extern const LossFamily kPlackettLuce;
extern const LossFamily kPairwiseRanking;
extern const LossFamily kMse;
extern const LossFamily kBce;
extern const LossFamily kStepRanking;
extern const LossFamily kOrdinal;
extern const LossFamily kPinball;

}  // namespace gavel

#endif
