// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_bradley_terry.h: loss and gradient of one pair (Bradley and Terry 1952), for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_LOSS_BRADLEY_TERRY_H
#define GAVEL_COMMON_LOSS_BRADLEY_TERRY_H

#include "common/numeric.h"

namespace gavel {

struct PairParameters {
  float weight;
  float beta;
  float margin;
  float label_smoothing;
  float center;
  float tie;
  bool is_tie;
};

struct PairTerms {
  float loss;
  float dchosen;
  float drejected;
};

// A term whose coefficient is 0 is not evaluated: 0 times the infinite loss of an infinite score would be NaN. A NaN score is in both
// branches of every other term, so it always shows.
GAVEL_HOST_DEVICE PairTerms pair_terms(float chosen, float rejected, const PairParameters &parameters) {
  const float difference = chosen - rejected;
  PairTerms terms;
  if (parameters.is_tie) {
    const float slope = (parameters.weight * parameters.tie) * difference;
    terms.loss = slope * difference;
    terms.dchosen = 2.0f * slope;
  } else {
    const float z = parameters.beta * difference - parameters.margin;
    const float smoothing = parameters.label_smoothing;
    float loss;
    float dz;
    const LogisticTerms at = logistic_terms(z);
    // The gradient weight (sigmoid(z) - (1 - e)) is written with both sigmoids: nothing cancels where it is small.
    if (smoothing == 0.0f) {
      loss = at.softplus_of_minus;
      dz = -at.logistic_of_minus;
    } else if (smoothing == 1.0f) {
      loss = at.softplus;
      dz = at.logistic;
    } else {
      loss = (1.0f - smoothing) * at.softplus_of_minus + smoothing * at.softplus;
      dz = smoothing * at.logistic - (1.0f - smoothing) * at.logistic_of_minus;
    }
    terms.loss = parameters.weight * loss;
    terms.dchosen = parameters.beta * (parameters.weight * dz);
  }
  terms.drejected = -terms.dchosen;
  if (parameters.center != 0.0f) {
    const float sum = chosen + rejected;
    const float slope = parameters.center * sum;
    terms.loss = terms.loss + slope * sum;
    terms.dchosen = terms.dchosen + 2.0f * slope;
    terms.drejected = terms.drejected + 2.0f * slope;
  }
  return terms;
}

}  // namespace gavel

#endif
