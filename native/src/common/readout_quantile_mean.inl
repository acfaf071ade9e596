// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_quantile_mean.inl: QUANTILE_MEAN of one group of logits, in each lane. Formulas: gavel.h.

template <typename Walk>
GAVEL_ROW_FUNCTION Vector quantile_mean(const Vector *z, int64_t n) {
  return divide(Walk::sum(n, [&](int64_t k) { return z[k]; }), set(static_cast<float>(n)));
}

template <typename Walk>
GAVEL_ROW_FUNCTION void quantile_mean_gradient(int64_t n, Vector d, Vector *dz) {
  const Vector share = divide(d, set(static_cast<float>(n)));
  Walk::each(n, [&](int64_t k) { dz[k] = share; });
}
