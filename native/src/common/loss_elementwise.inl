// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_elementwise.inl: the losses of a score and its target in each lane, over the wrapper of one_lane.h or one of cpu/vector.h, after
// numeric.inl. Formulas: gavel.h.

struct ElementTerms {
  Vector loss;
  Vector dscore;
};

GAVEL_HOST_DEVICE ElementTerms squared_error_terms(Vector score, Vector target) {
  const Vector difference = subtract(score, target);
  return {multiply(difference, difference), multiply(set(2.0f), difference)};
}

// A term whose coefficient is 0 is left out, not multiplied: 0 times the infinite loss of an infinite score would be NaN. Coefficients are
// at least 0.
GAVEL_HOST_DEVICE ElementTerms binary_cross_entropy_terms(Vector score, Vector target, Vector positive_weight) {
  const LogisticTerms at = logistic_terms(score);
  const Vector positive = multiply(positive_weight, target);
  const Vector negative = subtract(set(1.0f), target);
  const Vector nothing = select(is_nan(score), score, zero());
  const Mask is_positive = less(zero(), positive), is_negative = less(zero(), negative);
  ElementTerms terms;
  terms.loss = select(is_positive, multiply(positive, at.softplus_of_minus), nothing);
  terms.dscore = select(is_positive, negate(multiply(positive, at.logistic_of_minus)), nothing);
  terms.loss = select(is_negative, add(terms.loss, multiply(negative, at.softplus)), terms.loss);
  terms.dscore = select(is_negative, add(terms.dscore, multiply(negative, at.logistic)), terms.dscore);
  return terms;
}

// Koenker and Bassett 1978.
GAVEL_HOST_DEVICE ElementTerms pinball_terms(Vector score, Vector target, Vector quantile) {
  const Vector difference = subtract(target, score);
  const Vector slope = select(less(zero(), difference), quantile, subtract(quantile, set(1.0f)));
  return {multiply(slope, difference), select(is_nan(difference), difference, negate(slope))};
}
