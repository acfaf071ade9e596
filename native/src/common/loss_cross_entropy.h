// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_cross_entropy.h: the terms of one group's softmax cross-entropy, for host and device.
#ifndef GAVEL_COMMON_LOSS_CROSS_ENTROPY_H
#define GAVEL_COMMON_LOSS_CROSS_ENTROPY_H

#include "common/numeric.h"

namespace gavel {
namespace one_lane {

#include "common/loss_cross_entropy.inl"

}  // namespace one_lane

using one_lane::entry_gradient;
using one_lane::entry_loss;
using one_lane::GroupTerms;
using one_lane::scaled_gap;

}  // namespace gavel

#endif
