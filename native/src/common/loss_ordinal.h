// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_ordinal.h: sums over the levels of a pair of rows, for host and device. With u and v the rows of the chosen and the rejected
// response, all in log space:
//   F_a = LSE_b(log A[a][b] + v_b)    S_b = LSE_a(log A[a][b] + u_a)    L = LSE_a(u_a + F_a)
//   loss = LSE(u) + LSE(v) - L        dloss / du_a = softmax(u)_a - e^(u_a + F_a - L)    dloss / dv_b = softmax(v)_b - e^(v_b + S_b - L)
// the gradient being prior minus posterior, finite where the probability itself is too small for a float.
#ifndef GAVEL_COMMON_LOSS_ORDINAL_H
#define GAVEL_COMMON_LOSS_ORDINAL_H

#include "common/log_sum_chain.h"

namespace gavel {

// Weight of the chosen response at level a and the rejected one at level b where no matrix is given.
GAVEL_HOST_DEVICE float admitted_above(int64_t a, int64_t b) {
  return a > b ? 1.0f : 0.0f;
}

// Whether factor e^z has a part in a sum.
GAVEL_HOST_DEVICE bool in_sum(float factor, float z) {
  return factor != 0.0f && z != -kInfinity;
}

// Adds log(factor) + z to the set; what is 0 or -infinity is not in it.
GAVEL_HOST_DEVICE void add_product(LogSumChain &chain, float factor, float z) {
  if (!in_sum(factor, z)) return;
  add_to_chain(chain, factor == 1.0f ? z : natural_log(factor) + z);
}

// LSE of a set that may be empty.
GAVEL_HOST_DEVICE float log_sum_or_nothing(const LogSumChain &chain) {
  return chain.empty ? -kInfinity : log_sum_of(chain);
}

// The leader of a row's levels in order: the first of the largest, or a NaN, the last one.
GAVEL_HOST_DEVICE bool leads_row(float score, float leader) {
  return score > leader || is_nan(score);
}

GAVEL_HOST_DEVICE float ordinal_loss(const LogSumChain &chosen, const LogSumChain &rejected, const LogSumChain &joint) {
  return (log_sum_of(chosen) + log_sum_of(rejected)) - log_sum_or_nothing(joint);
}

// d loss / d z of a level: `other` is F or S.
GAVEL_HOST_DEVICE float ordinal_gradient(const LogSumChain &row, const LogSumChain &joint, float z, float other) {
  return share_in_chain(row, z) - share_in_chain(joint, z + other);
}

}  // namespace gavel

#endif
