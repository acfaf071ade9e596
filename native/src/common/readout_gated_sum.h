// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_gated_sum.h: WEIGHTED_SUM and the forms of GATED_SUM for one item, for host and device. Formulas: gavel.h.
//
// Sums over objectives are in pairwise order. Objectives r [n], gate logits g [n], transform C [n, n] with rows `stride` apart.
#ifndef GAVEL_COMMON_READOUT_GATED_SUM_H
#define GAVEL_COMMON_READOUT_GATED_SUM_H

#include "common/softmax_row.h"

namespace gavel {

template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float sum_of_products(const float *a, const float *b, int64_t n) {
  return Walk::sum(n, [&](int64_t k) { return a[k] * b[k]; });
}

// q_k = sum over j of r_j C[j][k].
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void transform_objectives(const float *r, const float *c, int64_t stride, int64_t n, float *q) {
  for (int64_t k = 0; k < n; ++k) Walk::put(q + k, Walk::sum(n, [&](int64_t j) { return r[j] * c[j * stride + k]; }));
  Walk::sync();
}

// dr_j = sum over k of C[j][k] dq_k.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void transform_gradient(const float *dq, const float *c, int64_t stride, int64_t n, float *dr) {
  for (int64_t j = 0; j < n; ++j) Walk::put(dr + j, sum_of_products<Walk>(c + j * stride, dq, n));
  Walk::sync();
}

// sum of softmax(g / T)_k q_k; weights (or null): the softmax times `scale`. e: scratch [n].
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float softmax_gate(const float *g, const float *q, int64_t n, float temperature, float scale, float *e,
                                      float *weights) {
  const SoftmaxRow row = softmax_row<Walk>(g, n, temperature, e);
  if (weights != nullptr) Walk::each(n, [&](int64_t k) { weights[k] = scale * probability(row, k); });
  return mean_under<Walk>(row, q, n);
}

// d is the gradient of the score. dq_k = d scale p_k; dg_k = d scale p_k (q_k - sum p q) / T.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void softmax_gate_gradient(const float *g, const float *q, int64_t n, float temperature, float scale,
                                              float d, float *e, float *dq, float *dg) {
  const SoftmaxRow row = softmax_row<Walk>(g, n, temperature, e);
  const Deviations from = deviations_under<Walk>(row, q, n);
  const float factor = d * scale;
  Walk::each(n, [&](int64_t k) {
    dq[k] = factor * probability(row, k);
    dg[k] = factor * (probability(row, k) * from.of(q[k])) / temperature;
  });
}

// a forward + (1 - a) reverse, a = logistic(g): of a sure gate one stream alone is left, to the bit.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float two_stream_gate(float g, float forward, float reverse, float *weight) {
  const LogisticTerms terms = logistic_terms(g);
  if (weight != nullptr) Walk::put(weight, terms.logistic);
  return terms.logistic * forward + terms.logistic_of_minus * reverse;
}

struct TwoStreamGradient {
  float dforward;
  float dreverse;
  float dgate;
};

GAVEL_HOST_DEVICE TwoStreamGradient two_stream_gate_gradient(float g, float forward, float reverse, float d) {
  const LogisticTerms terms = logistic_terms(g);
  return {d * terms.logistic, d * terms.logistic_of_minus,
          d * ((terms.logistic * terms.logistic_of_minus) * (forward - reverse))};
}

}  // namespace gavel

#endif
