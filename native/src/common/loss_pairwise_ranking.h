// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_pairwise_ranking.h: loss_pairwise_ranking.inl on one float, for host and device.
#ifndef GAVEL_COMMON_LOSS_PAIRWISE_RANKING_H
#define GAVEL_COMMON_LOSS_PAIRWISE_RANKING_H

#include "common/numeric.h"

namespace gavel {
namespace one_lane {

#include "common/loss_pairwise_ranking.inl"

}  // namespace one_lane

using one_lane::entry_pair;
using one_lane::EntryPair;

}  // namespace gavel

#endif
