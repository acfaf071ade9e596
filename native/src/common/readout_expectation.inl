// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_expectation.inl: EXPECTATION of one group of logits under its levels, in each lane. Formulas: gavel.h.

template <typename Walk, typename Level>
GAVEL_ROW_FUNCTION Vector variance_under(const SoftmaxRow<Walk> &row, const Deviations &from, int64_t n, const Level &level) {
  return mean_under(row, n, [&](int64_t k) {
    const Vector deviation = from.of(level(k));
    return multiply(deviation, deviation);
  });
}

// levels: [n]; e: scratch [n].
template <typename Walk>
GAVEL_ROW_FUNCTION Vector expectation(int32_t statistic, const Vector *z, const float *levels, int64_t n, Vector *e) {
  const auto level = [&](int64_t k) { return set(levels[k]); };
  const auto row = softmax_row<Walk>(z, n, e);
  if (statistic == GAVEL_EXPECTATION_TOP_LEVEL) {
    const auto probability = [&](int64_t k) { return row.probability(k); };
    return multiply(Walk::at(n, row.leader, level), Walk::at(n, row.leader, probability));
  }
  if (statistic == GAVEL_EXPECTATION_MEAN) return mean_under(row, n, level);
  return variance_under(row, deviations_under(row, n, level), n, level);
}

// MEAN: dz_k = d p_k (v_k - m); VARIANCE: d p_k ((v_k - m)^2 - variance); TOP_LEVEL: d v_t p_t ([k = t] - p_k), t held fast.
template <typename Walk>
GAVEL_ROW_FUNCTION void expectation_gradient(int32_t statistic, const Vector *z, const float *levels, int64_t n, Vector d,
                                             Vector *e, Vector *dz) {
  const auto level = [&](int64_t k) { return set(levels[k]); };
  const auto row = softmax_row<Walk>(z, n, e);
  if (statistic == GAVEL_EXPECTATION_TOP_LEVEL) {
    const auto probability = [&](int64_t k) { return row.probability(k); };
    const Vector top = multiply(Walk::at(n, row.leader, level), Walk::at(n, row.leader, probability));
    const Vector factor = multiply(d, top);
    Walk::each(n, [&](int64_t k) {
      // 1 - p of the leader is the share of all the rest.
      const Mask leads = Walk::is(k, row.leader);
      const Vector moved = multiply(factor, share_of(select(leads, row.rest, row.e[k]), row.total));
      dz[k] = select(leads, moved, negate(moved));
    });
    return;
  }
  const Deviations from = deviations_under(row, n, level);
  const bool mean = statistic == GAVEL_EXPECTATION_MEAN;
  const Vector variance = mean ? zero() : variance_under(row, from, n, level);
  Walk::each(n, [&](int64_t k) {
    const Vector deviation = from.of(level(k));
    const Vector distance = mean ? deviation : subtract(multiply(deviation, deviation), variance);
    dz[k] = multiply(d, multiply(row.probability(k), distance));
  });
}
