// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// softmax_row.h: the softmax of one row, for host and device: what readouts over classes, levels and gates are made of.
//
// Everything is relative to the largest logit, the leader (the first of equals), whose exponential is exactly 1, as in
// loss_cross_entropy.h: p_k = e_k / (1 + rest). So nothing overflows, and what is left to the others keeps its digits where one entry is
// nearly certain. Both shares of an entry at once (part_shares) would be a little nearer still, and spill registers on sm_90a. Of rows of
// two and more: a NaN makes all NaN.
#ifndef GAVEL_COMMON_SOFTMAX_ROW_H
#define GAVEL_COMMON_SOFTMAX_ROW_H

#include "common/numeric.h"
#include "common/row_walk.h"

namespace gavel {

struct SoftmaxRow {
  int64_t leader;
  float rest;  // sum of the exponentials of all entries but the leader, in pairwise order; the leader holds its place with 0
  const float *e;  // [n] exponentials
};

// e [n] receives the exponentials of (z - leader) / temperature. Subtracted before dividing: logits may be large where their gaps are small.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION SoftmaxRow softmax_row(const float *z, int64_t n, float temperature, float *e) {
  const int64_t leader = Walk::leader(z, n);
  const float largest = z[leader];
  const float rest = Walk::sum(n, [&](int64_t k) {
    e[k] = k == leader ? 1.0f : exponential((z[k] - largest) / temperature);
    return k == leader ? 0.0f : e[k];
  });
  return {leader, rest, e};
}

GAVEL_HOST_DEVICE float probability(const SoftmaxRow &row, int64_t k) {
  return share_of(row.e[k], row.rest);
}

// 1 - p_k as the sum of what it holds.
GAVEL_HOST_DEVICE float probability_of_others(const SoftmaxRow &row, int64_t k) {
  return share_of(k == row.leader ? row.rest : 1.0f + (row.rest - row.e[k]), row.rest);
}

// sum of p_k v_k.
template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION float mean_under(const SoftmaxRow &row, const float *v, int64_t n) {
  return Walk::sum(n, [&](int64_t k) { return probability(row, k) * v[k]; });
}

// v_k - mean without the cancellation of a mean near v_k: (v_k - v_leader) - sum of p_j (v_j - v_leader).
struct Deviations {
  float base;
  float offset;
  GAVEL_HOST_DEVICE float of(float value) const { return (value - base) - offset; }
};

template <typename Walk = SerialWalk>
GAVEL_ROW_FUNCTION Deviations deviations_under(const SoftmaxRow &row, const float *v, int64_t n) {
  const float base = v[row.leader];
  return {base, Walk::sum(n, [&](int64_t k) { return probability(row, k) * (v[k] - base); })};
}

}  // namespace gavel

#endif
