// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_expectation.h: EXPECTATION of one group of logits under its levels, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_READOUT_EXPECTATION_H
#define GAVEL_COMMON_READOUT_EXPECTATION_H

#include "common/softmax_row.h"
#include "gavel/gavel.h"

namespace gavel {

template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float variance_under(const SoftmaxRow &row, const Deviations &from, const float *v, int64_t n) {
  return Walk::sum(n, [&](int64_t k) {
    const float deviation = from.of(v[k]);
    return probability(row, k) * (deviation * deviation);
  });
}

// e: scratch [n].
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float expectation(int32_t statistic, const float *z, const float *v, int64_t n, float *e) {
  const SoftmaxRow row = softmax_row<Walk>(z, n, 1.0f, e);
  if (statistic == GAVEL_EXPECTATION_TOP_LEVEL) return v[row.leader] * probability(row, row.leader);
  if (statistic == GAVEL_EXPECTATION_MEAN) return mean_under<Walk>(row, v, n);
  return variance_under<Walk>(row, deviations_under<Walk>(row, v, n), v, n);
}

// MEAN: dz_k = d p_k (v_k - m); VARIANCE: d p_k ((v_k - m)^2 - variance); TOP_LEVEL: d v_t p_t ([k = t] - p_k), t held fast.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void expectation_gradient(int32_t statistic, const float *z, const float *v, int64_t n, float d, float *e,
                                             float *dz) {
  const SoftmaxRow row = softmax_row<Walk>(z, n, 1.0f, e);
  if (statistic == GAVEL_EXPECTATION_TOP_LEVEL) {
    const float factor = d * (v[row.leader] * probability(row, row.leader));
    Walk::each(n, [&](int64_t k) {
      dz[k] = k == row.leader ? factor * probability_of_others(row, k) : -(factor * probability(row, k));
    });
    return;
  }
  const Deviations from = deviations_under<Walk>(row, v, n);
  const bool mean = statistic == GAVEL_EXPECTATION_MEAN;
  const float variance = mean ? 0.0f : variance_under<Walk>(row, from, v, n);
  Walk::each(n, [&](int64_t k) {
    const float deviation = from.of(v[k]);
    dz[k] = d * (probability(row, k) * (mean ? deviation : deviation * deviation - variance));
  });
}

}  // namespace gavel

#endif
