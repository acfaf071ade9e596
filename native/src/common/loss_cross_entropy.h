// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_cross_entropy.h: the terms of one group's softmax cross-entropy, for host and device. Formulas: gavel.h.
//
// Everything is relative to the largest valid score, the leader (the first of equals), whose exponential is exactly 1:
//   rest = sum of the other exponentials;  log-sum-exp = leader / T + log(1 + rest);  p_n = e_n / (1 + rest).
// So nothing overflows, nothing cancels where the loss is small, and a group of two has the bits of BRADLEY_TERRY.
#ifndef GAVEL_COMMON_LOSS_CROSS_ENTROPY_H
#define GAVEL_COMMON_LOSS_CROSS_ENTROPY_H

#include "common/numeric.h"

namespace gavel {

// What a group's entries share.
struct GroupTerms {
  float leader;  // largest valid score
  float temperature;
  float rest;     // sum of the exponentials of all valid entries but the leader
  float log_sum;  // log(1 + rest)
  float largest_target;
  float other_targets;  // sum of the targets but the largest (the first of equals)
};

// (s - leader) / T, never above 0. Subtracted before dividing: scores may be large where their gaps are small.
GAVEL_HOST_DEVICE float scaled_gap(float score, const GroupTerms &group) {
  return (score - group.leader) / group.temperature;
}

// The leader's gap is 0 even where it is +inf. An entry without a target adds nothing, even at -inf; a NaN score makes rest NaN, and
// the caller looks at that.
GAVEL_HOST_DEVICE float entry_loss(float score, bool is_leader, float target, const GroupTerms &group) {
  if (target == 0.0f) return 0.0f;
  return target * (is_leader ? group.log_sum : group.log_sum - scaled_gap(score, group));
}

// d loss / d s of one entry but for weight and temperature: p sum(t) - t, written p (sum of the other targets) - t (1 - p), both
// factors as sums of what they hold, so that a target of 1 with p near 1 keeps its digits.
GAVEL_HOST_DEVICE float entry_gradient(float score, bool is_leader, float target, bool is_largest_target,
                                       const GroupTerms &group) {
  const float e = is_leader ? 1.0f : exponential(scaled_gap(score, group));
  const float other_scores = is_leader ? group.rest : 1.0f + (group.rest - e);
  const float other_targets = is_largest_target ? group.other_targets : group.largest_target + (group.other_targets - target);
  return share_of(e, group.rest) * other_targets - target * share_of(other_scores, group.rest);
}

}  // namespace gavel

#endif
