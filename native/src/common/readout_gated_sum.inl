// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_gated_sum.inl: WEIGHTED_SUM and the forms of GATED_SUM for one item, in each lane. Formulas: gavel.h.
//
// Sums over objectives are in pairwise order. Objectives r [n], gate logits g [n], transform C [n, n] with rows `stride` apart.

// weight(k) times q_k.
template <typename Walk, typename Weight>
GAVEL_ROW_FUNCTION Vector sum_of_products(int64_t n, const Weight &weight, const Vector *q) {
  return Walk::sum(n, [&](int64_t k) { return multiply(weight(k), q[k]); });
}

// q_k = sum over j of r_j C[j][k].
template <typename Walk>
GAVEL_ROW_FUNCTION void transform_objectives(const Vector *r, const float *c, int64_t stride, int64_t n, Vector *q) {
  for (int64_t k = 0; k < n; ++k)
    Walk::put(q + k, sum_of_products<Walk>(
                         n, [&](int64_t j) { return set(c[j * stride + k]); }, r));
  Walk::sync();
}

// dr_j = sum over k of C[j][k] dq_k.
template <typename Walk>
GAVEL_ROW_FUNCTION void transform_gradient(const Vector *dq, const float *c, int64_t stride, int64_t n, Vector *dr) {
  for (int64_t j = 0; j < n; ++j)
    Walk::put(dr + j, sum_of_products<Walk>(
                          n, [&](int64_t k) { return set(c[j * stride + k]); }, dq));
  Walk::sync();
}

// sum of softmax(g / T)_k q_k; weights (or null): the softmax times `scale`. e: scratch [n].
template <typename Walk>
GAVEL_ROW_FUNCTION Vector softmax_gate(const Vector *g, const Vector *q, int64_t n, float temperature, float scale, Vector *e,
                                       Vector *weights) {
  const auto row = softmax_row<Walk>(g, n, e, temperature);
  if (weights != nullptr) Walk::each(n, [&](int64_t k) { weights[k] = multiply(set(scale), row.probability(k)); });
  return mean_under(row, n, [&](int64_t k) { return q[k]; });
}

// d is the gradient of the score. dq_k = d scale p_k; dg_k = d scale p_k (q_k - sum p q) / T.
template <typename Walk>
GAVEL_ROW_FUNCTION void softmax_gate_gradient(const Vector *g, const Vector *q, int64_t n, float temperature, float scale,
                                              Vector d, Vector *e, Vector *dq, Vector *dg) {
  const auto row = softmax_row<Walk>(g, n, e, temperature);
  const Deviations from = deviations_under(row, n, [&](int64_t k) { return q[k]; });
  const Vector factor = multiply(d, set(scale));
  Walk::each(n, [&](int64_t k) {
    const Vector probability = row.probability(k);
    const Vector deviation = from.of(q[k]);
    dq[k] = multiply(factor, probability);
    dg[k] = divide(multiply(factor, multiply(probability, deviation)), set(temperature));
  });
}

// a forward + (1 - a) reverse, a = logistic(g): of a sure gate one stream alone is left, to the bit.
template <typename Walk>
GAVEL_ROW_FUNCTION Vector two_stream_gate(Vector g, Vector forward, Vector reverse, Vector *weight) {
  const LogisticTerms terms = logistic_terms(g);
  if (weight != nullptr) Walk::put(weight, terms.logistic);
  return add(multiply(terms.logistic, forward), multiply(terms.logistic_of_minus, reverse));
}

struct TwoStreamGradient {
  Vector dforward;
  Vector dreverse;
  Vector dgate;
};

GAVEL_HOST_DEVICE TwoStreamGradient two_stream_gate_gradient(Vector g, Vector forward, Vector reverse, Vector d) {
  const LogisticTerms terms = logistic_terms(g);
  const Vector slope = multiply(terms.logistic, terms.logistic_of_minus);
  return {multiply(d, terms.logistic), multiply(d, terms.logistic_of_minus),
          multiply(d, multiply(slope, subtract(forward, reverse)))};
}
