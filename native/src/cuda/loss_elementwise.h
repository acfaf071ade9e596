// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_elementwise.h: MSE, BCE and PINBALL: what one score and its target are worth, by one thread.
#ifndef GAVEL_CUDA_LOSS_ELEMENTWISE_H
#define GAVEL_CUDA_LOSS_ELEMENTWISE_H

#include "common/loss_elementwise.h"
#include "cuda/loss_task.h"

namespace gavel::cuda {

// terms(task, n, good): ElementTerms of a score, its numbers checked.
template <int32_t kLossKind, Range kTargets, typename Terms>
struct Elementwise : LossTraits {
  static constexpr int32_t kKind = kLossKind;
  static constexpr LossItems kItems = LossItems::SCORES;
  static constexpr bool kByThread = true;

  __device__ static ItemResult evaluate(const LossTask &task, uint32_t n) {
    const float target = task.targets[n];
    bool good = true;
    ItemResult result{score_counts(task, n) && !is_nan(target), 0.0f, 0.0f};
    result.weight = checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, n, good);
    if (!is_nan(target) && !in_range(target, kTargets)) {
      report_fault(task.fault, kTargets == Range::UNIT ? kFaultProbability : kFaultTarget, n, bits_of(target), task.items);
      good = false;
    }
    const ElementTerms terms = Terms::of(task, n, target, good);
    if (result.counts) result.loss = good ? result.weight * terms.loss : quiet_nan();
    if (task.dscore != nullptr) {
      task.dscore[n] = !result.counts ? 0.0f : good ? result.weight * terms.dscore : quiet_nan();
    }
    return result;
  }
};

struct SquaredErrorTerms {
  __device__ __forceinline__ static ElementTerms of(const LossTask &task, uint32_t n, float target, bool &) {
    return squared_error_terms(score_at(task, n), target);
  }
};

struct BinaryCrossEntropyTerms {
  __device__ __forceinline__ static ElementTerms of(const LossTask &task, uint32_t n, float target, bool &good) {
    const float positive_weight = checked_number<kLossPositiveWeight, Range::NOT_NEGATIVE>(task, n, good);
    return binary_cross_entropy_terms(score_at(task, n), target, positive_weight);
  }
};

struct PinballTerms {
  __device__ __forceinline__ static ElementTerms of(const LossTask &task, uint32_t n, float target, bool &good) {
    return pinball_terms(score_at(task, n), target, checked_number<kLossQuantile, Range::INSIDE_UNIT>(task, n, good));
  }
};

using MeanSquaredError = Elementwise<GAVEL_LOSS_MSE, Range::FINITE, SquaredErrorTerms>;
using BinaryCrossEntropy = Elementwise<GAVEL_LOSS_BCE, Range::UNIT, BinaryCrossEntropyTerms>;
using Pinball = Elementwise<GAVEL_LOSS_PINBALL, Range::FINITE, PinballTerms>;

}  // namespace gavel::cuda

#endif
