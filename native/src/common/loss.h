// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss.h: what a loss is made of; score_loss.h is how it is called.
//
// A loss is one LossFamily in a file of its own, its row functions in a header of the same name (shared with the device), and one line
// in loss.cpp. Losses run on the caller's thread: item losses are summed as pairwise_sum.h says, gradients of a score that several
// items share are added in the order of the items, so bits depend on nothing else.
#ifndef GAVEL_COMMON_LOSS_H
#define GAVEL_COMMON_LOSS_H

#include <cstdint>

#include "common/score_loss.h"
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

  Tensor pairs;
  const uint8_t *tie_mask;
  const int64_t *offsets;
  const int64_t *target_index;
  const float *target_weights;

  float *item_loss;
  float *loss;
  float *dscore;
  int64_t *counts;

  bool is_valid(int64_t n) const { return (mask == nullptr || mask[n] != 0) && (valid == nullptr || valid[n] != 0); }
  float score(int64_t n) const { return scores[n * score_stride]; }
};

// One member of the loss vocabulary.
struct LossFamily {
  int32_t kind;      // GAVEL_LOSS_*
  const char *name;  // as in messages
  const char *with;  // what follows "must be absent": "with BRADLEY_TERRY"
  const char *item;  // what an item is called: "pair", "group"
  // Checks the tensors and scalars that belong to this loss and refuses those of other losses; sets plan.items first.
  void (*check)(const gavel_loss_args &args, Overlaps &overlaps, LossPlan &plan);
  // Whether an item counts. Throws Failure where the item itself is wrong (an index out of range, a target on a masked score).
  bool (*valid)(const LossPlan &plan, int64_t item);
  // Loss of a valid item; adds scale times its gradient to dscore where that is wanted.
  float (*run)(const LossPlan &plan, int64_t item, float scale);
};

// A number that a family uses: the tensor where it is present, else the scalar, each value checked against the range.
enum class Range { FINITE, NOT_NEGATIVE, POSITIVE, UNIT };
PerItem check_parameter(const char *name, float scalar, const gavel_tensor &values, const char *values_name, Range range,
                        const LossPlan &plan, Overlaps &overlaps);
// A number that it does not use: the tensor must be absent and the scalar 0.
void refuse_parameter(const char *name, float scalar, const gavel_tensor &values, const char *values_name,
                      const LossPlan &plan);
// Refuses a tensor that belongs to another loss.
void refuse_tensor(const gavel_tensor &tensor, const char *name, const LossPlan &plan);

// Reads an index once, so that what was checked is what is used even if another thread changes the caller's memory meanwhile.
inline int64_t load_index(const int64_t *index) {
  return __atomic_load_n(index, __ATOMIC_RELAXED);
}

extern const LossFamily kBradleyTerry;
extern const LossFamily kCrossEntropy;

}  // namespace gavel

#endif
