// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_ordinal.inl: sums over the levels of a pair of rows, in each lane, over the wrapper of one_lane.h or one of cpu/vector.h, after
// log_sum_chain.inl. With u and v the rows of the chosen and the rejected response, all in log space:
//   F_a = LSE_b(log A[a][b] + v_b)    S_b = LSE_a(log A[a][b] + u_a)    L = LSE_a(u_a + F_a)
//   loss = LSE(u) + LSE(v) - L        dloss / du_a = softmax(u)_a - e^(u_a + F_a - L)    dloss / dv_b = softmax(v)_b - e^(v_b + S_b - L)
// the gradient being prior minus posterior, finite where the probability itself is too small for a float.

// The leader of a row's levels in order: the first of the largest, or a NaN, the last one.
GAVEL_HOST_DEVICE Mask leads_row(Vector score, Vector leader) {
  return either(less(leader, score), is_nan(score));
}

// Adds log(factor) + z to the set, for a factor above 0; what is -infinity is not in it.
GAVEL_HOST_DEVICE void add_product(LogSumChain &chain, float factor, float log_factor, Vector z) {
  extend_chain(chain, factor == 1.0f ? z : add(set(log_factor), z), equal(z, negate(set(__builtin_huge_valf()))));
}

GAVEL_HOST_DEVICE Vector ordinal_loss(const LogSumChain &chosen, const LogSumChain &rejected, const LogSumChain &joint) {
  return subtract(add(log_sum_of(chosen), log_sum_of(rejected)), log_sum_or_nothing(joint));
}

// d loss / d z of a level: `other` is F or S.
GAVEL_HOST_DEVICE Vector ordinal_gradient(const LogSumChain &row, const LogSumChain &joint, Vector z, Vector other) {
  return subtract(share_in_chain(row, z), share_in_chain(joint, add(z, other)));
}
