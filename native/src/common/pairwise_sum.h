// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pairwise_sum.h: the one order in which losses add up their terms.
//
// Terms are numbered as they come; neighbours 2k and 2k + 1 are added, then neighbouring sums, and so on; a missing neighbour adds
// nothing. The tree depends on the number of terms alone. The error grows with log2(n): in a running sum a head whose scores are
// still all equal (the same loss n times over) would be off by 1e-5 at 100 000 pairs, because every step rounds the same way.
// A masked term is left out, not added as 0, so masking something gives the same bits as removing it.
#ifndef GAVEL_COMMON_PAIRWISE_SUM_H
#define GAVEL_COMMON_PAIRWISE_SUM_H

#include "common/numeric.h"

namespace gavel {

namespace one_lane {

#include "common/pairwise_sum.inl"

}  // namespace one_lane

using one_lane::PairwiseSum;

}  // namespace gavel

#endif
