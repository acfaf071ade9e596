// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_bradley_terry.h: loss and gradient of one pair (Bradley and Terry 1952), for host and device.
#ifndef GAVEL_COMMON_LOSS_BRADLEY_TERRY_H
#define GAVEL_COMMON_LOSS_BRADLEY_TERRY_H

#include "common/numeric.h"

namespace gavel {
namespace one_lane {

#include "common/loss_bradley_terry.inl"

}  // namespace one_lane

using one_lane::pair_terms;
using one_lane::PairParameters;
using one_lane::PairTerms;

}  // namespace gavel

#endif
