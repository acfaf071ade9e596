// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_pairs.h: the pairs of BRADLEY_TERRY as they lie in the caller's memory.
#ifndef GAVEL_COMMON_SCORE_PAIRS_H
#define GAVEL_COMMON_SCORE_PAIRS_H

#include <cstdint>

#include "common/loss.h"

namespace gavel {

struct ScorePair {
  int64_t chosen;
  int64_t rejected;
};

// Whether both are scores, and not the same.
inline bool is_pair(const ScorePair &pair, int64_t scores) {
  return static_cast<uint64_t>(pair.chosen) < static_cast<uint64_t>(scores) &&
         static_cast<uint64_t>(pair.rejected) < static_cast<uint64_t>(scores) && pair.chosen != pair.rejected;
}

inline ScorePair load_pair(const LossPlan &plan, int64_t item) {
  const int64_t *row = plan.pairs.row<int64_t>(item);
  return {load_index(row), load_index(row + 1)};
}

// Throws Failure, which names what is wrong with a pair that is none.
[[noreturn]] void refuse_pair(const LossPlan &plan, int64_t item, const ScorePair &pair);

inline ScorePair read_pair(const LossPlan &plan, int64_t item) {
  const ScorePair pair = load_pair(plan, item);
  if (!is_pair(pair, plan.score_count)) [[unlikely]]
    refuse_pair(plan, item, pair);
  return pair;
}

}  // namespace gavel

#endif
