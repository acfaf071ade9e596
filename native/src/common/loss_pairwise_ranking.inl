// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_pairwise_ranking.inl: a pair of a group whose first score should be above the second, in each lane, over the wrapper of one_lane.h or
// one of cpu/vector.h, after numeric.inl. Formulas: gavel.h.

struct RankedPair {
  Vector loss;
  Vector slope;  // -d loss / d (beta better) = d loss / d (beta worse)
};

GAVEL_HOST_DEVICE RankedPair ranked_pair(Vector beta, Vector better, Vector worse) {
  const LogisticTerms at = logistic_terms(multiply(beta, subtract(better, worse)));
  return {at.softplus_of_minus, at.logistic_of_minus};
}

struct EntryPair {
  Vector loss;
  Vector dscore;  // d loss / d (beta score) of the one; the other's is its negative
};

// Two entries of a group; the lower rank is the better one. Equal ranks keep their place in a sum with 0.
GAVEL_HOST_DEVICE EntryPair entry_pair(Vector beta, Vector score, Vector other_score, Mask better, Mask worse) {
  const RankedPair pair = ranked_pair(beta, select(better, score, other_score), select(better, other_score, score));
  return {select(either(better, worse), pair.loss, zero()),
          select(better, negate(pair.slope), select(worse, pair.slope, zero()))};
}
