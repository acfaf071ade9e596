// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_bradley_terry.inl: loss and gradient of a pair in each lane, over the wrapper of one_lane.h or one of cpu/vector.h, after numeric.inl.
// Formulas: gavel.h.

struct PairParameters {
  Vector weight;
  Vector beta;
  Vector margin;
  Vector label_smoothing;
  Vector center;
  Vector tie;
  Mask is_tie;
};

struct PairTerms {
  Vector loss;
  Vector dchosen;
  Vector drejected;
};

// A term whose coefficient is 0 is left out, not multiplied: 0 times the infinite loss of an infinite score would be NaN. A NaN score is
// in both branches of every other term, so it always shows. Smoothing lies in [0, 1], the centre's coefficient is at least 0.
GAVEL_HOST_DEVICE PairTerms pair_terms(Vector chosen, Vector rejected, const PairParameters &parameters) {
  const Vector difference = subtract(chosen, rejected);
  const LogisticTerms at = logistic_terms(subtract(multiply(parameters.beta, difference), parameters.margin));
  // The gradient weight (sigmoid(z) - (1 - e)) is written with both sigmoids: nothing cancels where it is small.
  const Vector smoothing = parameters.label_smoothing;
  const Vector plain = subtract(set(1.0f), smoothing);
  Vector loss = add(multiply(plain, at.softplus_of_minus), multiply(smoothing, at.softplus));
  Vector dz = subtract(multiply(smoothing, at.logistic), multiply(plain, at.logistic_of_minus));
  loss = select(less(zero(), smoothing), select(less(smoothing, set(1.0f)), loss, at.softplus), at.softplus_of_minus);
  dz = select(less(zero(), smoothing), select(less(smoothing, set(1.0f)), dz, at.logistic), negate(at.logistic_of_minus));
  const Vector tie_slope = multiply(multiply(parameters.weight, parameters.tie), difference);
  PairTerms terms;
  terms.loss = select(parameters.is_tie, multiply(tie_slope, difference), multiply(parameters.weight, loss));
  terms.dchosen =
      select(parameters.is_tie, multiply(set(2.0f), tie_slope), multiply(parameters.beta, multiply(parameters.weight, dz)));
  terms.drejected = negate(terms.dchosen);
  const Vector sum = add(chosen, rejected);
  const Vector slope = multiply(parameters.center, sum);
  const Vector pull = multiply(set(2.0f), slope);
  const Mask centered = less(zero(), parameters.center);
  terms.loss = select(centered, add(terms.loss, multiply(slope, sum)), terms.loss);
  terms.dchosen = select(centered, add(terms.dchosen, pull), terms.dchosen);
  terms.drejected = select(centered, add(terms.drejected, pull), terms.drejected);
  return terms;
}

// The same bits where no pair is smoothed, tied or centred, which is the plain loss: half of the operations beside the logistic ones.
GAVEL_HOST_DEVICE PairTerms plain_pair_terms(Vector chosen, Vector rejected, Vector weight, Vector beta, Vector margin) {
  const LogisticTerms at = logistic_terms(subtract(multiply(beta, subtract(chosen, rejected)), margin));
  const Vector dchosen = multiply(beta, multiply(weight, negate(at.logistic_of_minus)));
  return {multiply(weight, at.softplus_of_minus), dchosen, negate(dchosen)};
}
