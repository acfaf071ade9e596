// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_walk.h: how the entries of one row of logits are walked: one after another on the CPU, where sixteen rows lie side by side in the lanes
// of its vectors (row_walk.inl), or by the lanes of a warp on a device (cuda/warp_walk.h). The formulas of readouts are written once over
// either, and sums are in pairwise order in both: the same bits.
#ifndef GAVEL_COMMON_ROW_WALK_H
#define GAVEL_COMMON_ROW_WALK_H

#include "common/pairwise_sum.h"

namespace gavel {
namespace one_lane {

#include "common/row_walk.inl"

}  // namespace one_lane

using one_lane::SerialWalk;

}  // namespace gavel

#endif
