// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_bradley_terry.h: BRADLEY_TERRY: what one pair is worth, by one thread.
#ifndef GAVEL_CUDA_LOSS_BRADLEY_TERRY_H
#define GAVEL_CUDA_LOSS_BRADLEY_TERRY_H

#include "common/loss_bradley_terry.h"
#include "cuda/loss_sides.h"

namespace gavel::cuda {

struct BradleyTerry : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_BRADLEY_TERRY;
  static constexpr LossItems kItems = LossItems::PAIRS;
  static constexpr bool kByThread = true;

  __device__ static ItemResult evaluate(const LossTask &task, uint32_t item) {
    const PairRows pair = read_pair(task, item);
    bool good = pair.good;
    report_pair(task, item, pair);
    const PairParameters parameters{
        .weight = checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good),
        .beta = checked_number<kLossBeta, Range::POSITIVE>(task, item, good),
        .margin = checked_number<kLossMargin, Range::FINITE>(task, item, good),
        .label_smoothing = checked_number<kLossLabelSmoothing, Range::UNIT>(task, item, good),
        .center = checked_number<kLossCenter, Range::NOT_NEGATIVE>(task, item, good),
        .tie = checked_number<kLossTie, Range::NOT_NEGATIVE>(task, item, good),
        .is_tie = task.tie_mask != nullptr && task.tie_mask[item] != 0,
    };
    // A side outside masks nothing: the pair counts, and its loss is NaN.
    bool counts = true;
    for (int side = 0; side < 2; ++side) {
      if (pair.inside[side] && !score_counts(task, static_cast<uint32_t>(pair.rows[side]))) counts = false;
    }
    PairTerms terms{quiet_nan(), quiet_nan(), quiet_nan()};
    if (good && counts) {
      terms = pair_terms(score_at(task, static_cast<uint32_t>(pair.rows[0])),
                         score_at(task, static_cast<uint32_t>(pair.rows[1])), parameters);
    }
    if (task.sides != nullptr) {
      task.gradients[2 * static_cast<int64_t>(item)] = terms.dchosen;
      task.gradients[2 * static_cast<int64_t>(item) + 1] = terms.drejected;
      keep_sides(task, item, pair, counts);
    }
    return {counts, counts ? terms.loss : 0.0f, parameters.weight};
  }
};

}  // namespace gavel::cuda

#endif
