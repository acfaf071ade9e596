// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_class_prob.h: CLASS_PROB of one group of logits, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_READOUT_CLASS_PROB_H
#define GAVEL_COMMON_READOUT_CLASS_PROB_H

#include "common/softmax_row.h"

namespace gavel {

// e: scratch [n].
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float class_probability(const float *z, int64_t n, int64_t wanted, float *e) {
  return probability(softmax_row<Walk>(z, n, 1.0f, e), wanted);
}

// dz_k = d p_c ([k = c] - p_k).
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void class_probability_gradient(const float *z, int64_t n, int64_t wanted, float d, float *e, float *dz) {
  const SoftmaxRow row = softmax_row<Walk>(z, n, 1.0f, e);
  const float factor = d * probability(row, wanted);
  Walk::each(
      n, [&](int64_t k) { dz[k] = k == wanted ? factor * probability_of_others(row, k) : -(factor * probability(row, k)); });
}

}  // namespace gavel

#endif
