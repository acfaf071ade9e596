// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_cross_entropy.inl: the terms of a group's softmax cross-entropy in each lane, over the wrapper of one_lane.h or one of cpu/vector.h,
// after numeric.inl. Formulas: gavel.h.
//
// Everything is relative to the largest valid score, the leader (the first of equals), whose exponential is exactly 1:
//   rest = sum of the other exponentials;  log-sum-exp = leader / T + log(1 + rest);  p_n = e_n / (1 + rest).
// So nothing overflows, nothing cancels where the loss is small, and a group of two has the bits of BRADLEY_TERRY.
// What a group's entries share.
struct GroupTerms {
  Vector leader;  // largest valid score
  Vector temperature;
  Vector rest;     // sum of the exponentials of all valid entries but the leader
  Vector log_sum;  // log(1 + rest)
  Vector largest_target;
  Vector other_targets;  // sum of the targets but the largest (the first of equals)
};

// (s - leader) / T, never above 0. Subtracted before dividing: scores may be large where their gaps are small.
GAVEL_HOST_DEVICE Vector scaled_gap(Vector score, const GroupTerms &group) {
  return divide(subtract(score, group.leader), group.temperature);
}

// Of an entry whose gap is known. The leader's is 0 even where it is +inf. An entry without a target adds nothing, even at -inf; a NaN score
// makes rest NaN, and the caller looks at that. Targets are at least 0.
GAVEL_HOST_DEVICE Vector loss_at_gap(Vector gap, Mask is_leader, Vector target, const GroupTerms &group) {
  const Vector distance = select(is_leader, group.log_sum, subtract(group.log_sum, gap));
  return select(less(zero(), target), multiply(target, distance), zero());
}

// d loss / d s of an entry whose exponential is known (the leader's is 1) but for weight and temperature: p sum(t) - t, written
// p (sum of the other targets) - t (1 - p), both factors as sums of what they hold, so that a target of 1 with p near 1 keeps its digits.
GAVEL_HOST_DEVICE Vector gradient_of(Vector e, Mask is_leader, Vector target, Mask is_largest_target, const GroupTerms &group) {
  const Vector one = set(1.0f);
  const Vector other_scores = select(is_leader, group.rest, add(one, subtract(group.rest, e)));
  const Vector other_targets =
      select(is_largest_target, group.other_targets, add(group.largest_target, subtract(group.other_targets, target)));
  const PartShares shares = part_shares(e, other_scores, one_plus(group.rest));
  return subtract(multiply(shares.own, other_targets), multiply(target, shares.others));
}

GAVEL_HOST_DEVICE Vector entry_loss(Vector score, Mask is_leader, Vector target, const GroupTerms &group) {
  return loss_at_gap(scaled_gap(score, group), is_leader, target, group);
}

GAVEL_HOST_DEVICE Vector entry_gradient(Vector score, Mask is_leader, Vector target, Mask is_largest_target,
                                        const GroupTerms &group) {
  const Vector e = select(is_leader, set(1.0f), unfused_exponential_below_0(scaled_gap(score, group)));
  return gradient_of(e, is_leader, target, is_largest_target, group);
}
