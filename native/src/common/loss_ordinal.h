// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_ordinal.h: loss_ordinal.inl on one float, for host and device, and which pairs of levels are admitted.
#ifndef GAVEL_COMMON_LOSS_ORDINAL_H
#define GAVEL_COMMON_LOSS_ORDINAL_H

#include "common/log_sum_chain.h"

namespace gavel {
namespace one_lane {

#include "common/loss_ordinal.inl"

}  // namespace one_lane

using one_lane::leads_row;
using one_lane::ordinal_gradient;
using one_lane::ordinal_loss;

// Weight of the chosen response at level a and the rejected one at level b where no matrix is given.
GAVEL_HOST_DEVICE float admitted_above(int64_t a, int64_t b) {
  return a > b ? 1.0f : 0.0f;
}

// Adds log(factor) + z to the set; a factor of 0 adds nothing.
GAVEL_HOST_DEVICE void add_product(LogSumChain &chain, float factor, float z) {
  if (factor != 0.0f) one_lane::add_product(chain, factor, factor == 1.0f ? 0.0f : natural_log(factor), z);
}

}  // namespace gavel

#endif
