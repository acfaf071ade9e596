// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_gated_sum.h: WEIGHTED_SUM and the forms of GATED_SUM for one item, for host and device. Formulas: gavel.h.
//
// Sums over objectives are in pairwise order. Objectives r [n], gate logits g [n], transform C [n, n] with rows `stride` apart.
#ifndef GAVEL_COMMON_READOUT_GATED_SUM_H
#define GAVEL_COMMON_READOUT_GATED_SUM_H

#include "common/softmax_row.h"

namespace gavel {

GAVEL_HOST_DEVICE float sum_of_products(const float *a, const float *b, int64_t n) {
  PairwiseSum sum;
  for (int64_t k = 0; k < n; ++k) sum.add(a[k] * b[k]);
  return sum.total();
}

// q_k = sum over j of r_j C[j][k].
GAVEL_HOST_DEVICE void transform_objectives(const float *r, const float *c, int64_t stride, int64_t n, float *q) {
  for (int64_t k = 0; k < n; ++k) {
    PairwiseSum sum;
    for (int64_t j = 0; j < n; ++j) sum.add(r[j] * c[j * stride + k]);
    q[k] = sum.total();
  }
}

// dr_j = sum over k of C[j][k] dq_k.
GAVEL_HOST_DEVICE void transform_gradient(const float *dq, const float *c, int64_t stride, int64_t n, float *dr) {
  for (int64_t j = 0; j < n; ++j) dr[j] = sum_of_products(c + j * stride, dq, n);
}

// sum of softmax(g / T)_k q_k; weights (or null): the softmax times `scale`. e: scratch [n].
GAVEL_HOST_DEVICE float softmax_gate(const float *g, const float *q, int64_t n, float temperature, float scale, float *e,
                                     float *weights) {
  const SoftmaxRow row = softmax_row(g, n, temperature, e);
  for (int64_t k = 0; weights != nullptr && k < n; ++k) weights[k] = scale * probability(row, k);
  return mean_under(row, q, n);
}

// d is the gradient of the score. dq_k = d scale p_k; dg_k = d scale p_k (q_k - sum p q) / T.
GAVEL_HOST_DEVICE void softmax_gate_gradient(const float *g, const float *q, int64_t n, float temperature, float scale, float d,
                                             float *e, float *dq, float *dg) {
  const SoftmaxRow row = softmax_row(g, n, temperature, e);
  const Deviations from = deviations_under(row, q, n);
  const float factor = d * scale;
  for (int64_t k = 0; k < n; ++k) {
    dq[k] = factor * probability(row, k);
    dg[k] = factor * (probability(row, k) * from.of(q[k])) / temperature;
  }
}

// a forward + (1 - a) reverse, a = logistic(g): of a sure gate one stream alone is left, to the bit.
GAVEL_HOST_DEVICE float two_stream_gate(float g, float forward, float reverse, float *weight) {
  const LogisticTerms terms = logistic_terms(g);
  if (weight != nullptr) *weight = terms.logistic;
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
