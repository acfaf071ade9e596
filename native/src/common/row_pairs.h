// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_pairs.h: pairs of rows of levels, the items of ORDINAL. Host memory only.
#ifndef GAVEL_COMMON_ROW_PAIRS_H
#define GAVEL_COMMON_ROW_PAIRS_H

#include <cstdint>

#include "common/loss.h"
#include "common/loss_ordinal.h"

namespace gavel {

struct RowPair {
  int64_t chosen;
  int64_t rejected;
};

inline RowPair load_row_pair(const LossPlan &plan, int64_t item) {
  const int64_t *row = plan.pairs.row<int64_t>(item);
  return {load_index(row), load_index(row + 1)};
}

// Pair `item`, read once. Throws Failure where it is wrong.
RowPair read_row_pair(const LossPlan &plan, int64_t item);

// Weight of the chosen response at level a and the rejected one at level b.
inline float admitted(const LossPlan &plan, int64_t a, int64_t b) {
  if (plan.admissible.present()) return plan.admissible.row<const float>(a)[b];
  return admitted_above(a, b);
}

}  // namespace gavel

#endif
