// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// target_entry.h: the entry of a group that CROSS_ENTROPY's target_index names.
#ifndef GAVEL_COMMON_TARGET_ENTRY_H
#define GAVEL_COMMON_TARGET_ENTRY_H

#include <cstdint>

#include "common/loss.h"

namespace gavel {

// Throws Failure, which names a target that is no entry of its group.
[[noreturn]] void refuse_target(int64_t item, int64_t target, int64_t size);

// From 0 to size - 1. plan.target_index is given.
inline int64_t read_target_entry(const LossPlan &plan, int64_t item, int64_t size) {
  const int64_t target = load_index(plan.target_index + item);
  if (target < 0 || target >= size) [[unlikely]]
    refuse_target(item, target, size);
  return target;
}

}  // namespace gavel

#endif
