// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_elementwise.h: the losses of one score and its target, for host and device.
#ifndef GAVEL_COMMON_LOSS_ELEMENTWISE_H
#define GAVEL_COMMON_LOSS_ELEMENTWISE_H

#include "common/numeric.h"

namespace gavel {
namespace one_lane {

#include "common/loss_elementwise.inl"

}  // namespace one_lane

using one_lane::binary_cross_entropy_terms;
using one_lane::ElementTerms;
using one_lane::pinball_terms;
using one_lane::squared_error_terms;

}  // namespace gavel

#endif
