// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_quantile_mean.h: QUANTILE_MEAN of one group of logits, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_READOUT_QUANTILE_MEAN_H
#define GAVEL_COMMON_READOUT_QUANTILE_MEAN_H

#include "common/pairwise_sum.h"

namespace gavel {

GAVEL_HOST_DEVICE float quantile_mean(const float *z, int64_t n) {
  PairwiseSum sum;
  for (int64_t k = 0; k < n; ++k) sum.add(z[k]);
  return sum.total() / static_cast<float>(n);
}

GAVEL_HOST_DEVICE void quantile_mean_gradient(int64_t n, float d, float *dz) {
  for (int64_t k = 0; k < n; ++k) dz[k] = d / static_cast<float>(n);
}

}  // namespace gavel

#endif
