// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_elementwise.h: the losses of one score and its target, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_LOSS_ELEMENTWISE_H
#define GAVEL_COMMON_LOSS_ELEMENTWISE_H

#include "common/numeric.h"

namespace gavel {

struct ElementTerms {
  float loss;
  float dscore;
};

GAVEL_HOST_DEVICE ElementTerms squared_error_terms(float score, float target) {
  const float difference = score - target;
  return {difference * difference, 2.0f * difference};
}

// A term whose coefficient is 0 is not evaluated: 0 times the infinite loss of an infinite score would be NaN.
GAVEL_HOST_DEVICE ElementTerms binary_cross_entropy_terms(float score, float target, float positive_weight) {
  const LogisticTerms at = logistic_terms(score);
  const float positive = positive_weight * target;
  const float negative = 1.0f - target;
  ElementTerms terms = {is_nan(score) ? score : 0.0f, is_nan(score) ? score : 0.0f};
  if (positive != 0.0f) {
    terms.loss = positive * at.softplus_of_minus;
    terms.dscore = -(positive * at.logistic_of_minus);
  }
  if (negative != 0.0f) {
    terms.loss = terms.loss + negative * at.softplus;
    terms.dscore = terms.dscore + negative * at.logistic;
  }
  return terms;
}

// Koenker and Bassett 1978.
GAVEL_HOST_DEVICE ElementTerms pinball_terms(float score, float target, float quantile) {
  const float difference = target - score;
  const float slope = difference > 0.0f ? quantile : quantile - 1.0f;
  return {slope * difference, is_nan(difference) ? difference : -slope};
}

}  // namespace gavel

#endif
