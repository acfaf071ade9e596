// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// log_sum_chain.h: log_sum_chain.inl on one float, for host and device.
#ifndef GAVEL_COMMON_LOG_SUM_CHAIN_H
#define GAVEL_COMMON_LOG_SUM_CHAIN_H

#include "common/numeric.h"

namespace gavel {
namespace one_lane {

#include "common/log_sum_chain.inl"

}  // namespace one_lane

using one_lane::chain_gradient;
using one_lane::chain_of_zero;
using one_lane::ChainEntry;
using one_lane::ChainStep;
using one_lane::empty_chain;
using one_lane::entry_in_chain;
using one_lane::log_sum_of;
using one_lane::log_sum_or_nothing;
using one_lane::LogSumChain;
using one_lane::seen_before;
using one_lane::share_in_chain;

GAVEL_HOST_DEVICE void extend_chain(LogSumChain &chain, float z) {
  one_lane::extend_chain(chain, z, false);
}

GAVEL_HOST_DEVICE ChainEntry add_to_chain(LogSumChain &chain, float z) {
  const ChainStep step = one_lane::extend_chain(chain, z, false);
  return entry_in_chain(chain, step);
}

}  // namespace gavel

#endif
