// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// softmax_row.inl: the softmax of one row, in each lane: what readouts over classes, levels and gates are made of. Over the wrapper of
// one_lane.h or one of cpu/vector.h, after numeric.inl, by a Walk (row_walk.h).
//
// Everything is relative to the largest logit, the leader (the first of equals), whose exponential is exactly 1, as in
// loss_cross_entropy.inl: p_k = e_k / (1 + rest). So nothing overflows, and what is left to the others keeps its digits where one entry is
// nearly certain. Both shares of an entry at once (part_shares) would be a little nearer still, and spill registers on sm_90a. Of rows of
// two and more: a NaN makes all NaN.

template <typename Walk>
struct SoftmaxRow {
  typename Walk::Place leader;
  Vector rest;    // sum of the exponentials of all entries but the leader, in pairwise order; the leader holds its place with 0
  OnePlus total;  // of rest
  const Vector *e;  // [n] exponentials

  GAVEL_ROW_FUNCTION Vector probability(int64_t k) const { return share_of(e[k], total); }
  // 1 - p_k as the sum of what it holds.
  GAVEL_ROW_FUNCTION Vector probability_of_others(int64_t k) const {
    return share_of(select(Walk::is(k, leader), rest, add(set(1.0f), subtract(rest, e[k]))), total);
  }
};

// e [n] receives the exponentials of scaled(z - largest), which keeps order and 0.
template <typename Walk, typename Scaled>
GAVEL_ROW_FUNCTION SoftmaxRow<Walk> softmax_of_gaps(const Vector *z, int64_t n, Vector *e, const Scaled &scaled) {
  const auto leader = Walk::leader(z, n);
  const Vector largest = Walk::at(n, leader, [&](int64_t k) { return z[k]; });
  const Vector rest = Walk::sum(n, [&](int64_t k) {
    const Mask leads = Walk::is(k, leader);
    const Vector power = unfused_exponential_below_0(scaled(subtract(z[k], largest)));
    e[k] = select(leads, set(1.0f), power);
    return select(leads, zero(), power);
  });
  return {leader, rest, one_plus(rest), e};
}

template <typename Walk>
GAVEL_ROW_FUNCTION SoftmaxRow<Walk> softmax_row(const Vector *z, int64_t n, Vector *e) {
  return softmax_of_gaps<Walk>(z, n, e, [](Vector gap) { return gap; });
}

// Subtracted before dividing: logits may be large where their gaps are small.
template <typename Walk>
GAVEL_ROW_FUNCTION SoftmaxRow<Walk> softmax_row(const Vector *z, int64_t n, Vector *e, float temperature) {
  return softmax_of_gaps<Walk>(z, n, e, [&](Vector gap) { return divide(gap, set(temperature)); });
}

// sum of p_k value(k).
template <typename Walk, typename Value>
GAVEL_ROW_FUNCTION Vector mean_under(const SoftmaxRow<Walk> &row, int64_t n, const Value &value) {
  return Walk::sum(n, [&](int64_t k) { return multiply(row.probability(k), value(k)); });
}

// value - mean without the cancellation of a mean near it: (v_k - v_leader) - sum of p_j (v_j - v_leader).
struct Deviations {
  Vector base;
  Vector offset;
  GAVEL_ROW_FUNCTION Vector of(Vector value) const { return subtract(subtract(value, base), offset); }
};

template <typename Walk, typename Value>
GAVEL_ROW_FUNCTION Deviations deviations_under(const SoftmaxRow<Walk> &row, int64_t n, const Value &value) {
  const Vector base = Walk::at(n, row.leader, value);
  return {base, mean_under(row, n, [&](int64_t k) { return subtract(value(k), base); })};
}
