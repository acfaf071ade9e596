// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_quantile_mean.h: QUANTILE_MEAN of one group of logits, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_READOUT_QUANTILE_MEAN_H
#define GAVEL_COMMON_READOUT_QUANTILE_MEAN_H

#include "common/row_walk.h"

namespace gavel {

template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float quantile_mean(const float *z, int64_t n) {
  return Walk::sum(n, [&](int64_t k) { return z[k]; }) / static_cast<float>(n);
}

template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION void quantile_mean_gradient(int64_t n, float d, float *dz) {
  Walk::each(n, [&](int64_t k) { dz[k] = d / static_cast<float>(n); });
}

}  // namespace gavel

#endif
