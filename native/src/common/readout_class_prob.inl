// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_class_prob.inl: CLASS_PROB of one group of logits, in each lane. Formulas: gavel.h.

// e: scratch [n].
template <typename Walk>
GAVEL_ROW_FUNCTION Vector class_probability(const Vector *z, int64_t n, int64_t wanted, Vector *e) {
  return softmax_row<Walk>(z, n, e).probability(wanted);
}

// dz_k = d p_c ([k = c] - p_k).
template <typename Walk>
GAVEL_ROW_FUNCTION void class_probability_gradient(const Vector *z, int64_t n, int64_t wanted, Vector d, Vector *e,
                                                   Vector *dz) {
  const auto row = softmax_row<Walk>(z, n, e);
  const Vector factor = multiply(d, row.probability(wanted));
  Walk::each(n, [&](int64_t k) {
    dz[k] = k == wanted ? multiply(factor, row.probability_of_others(k)) : negate(multiply(factor, row.probability(k)));
  });
}
