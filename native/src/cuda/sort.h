// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// sort.h: numbers in global memory into order, by a team (team.h).
#ifndef GAVEL_CUDA_SORT_H
#define GAVEL_CUDA_SORT_H

#include "cuda/team.h"

namespace gavel::cuda {

// before(a, b): whether a belongs in front of b. A bitonic network whose comparisons all point the same way, so that any count will do:
// what would lie behind the end is as if it were behind everything.
template <typename Team, typename Before>
__device__ inline void sort_entries(uint32_t *values, uint32_t count, Before before) {
  const auto exchange = [&](uint32_t low, uint32_t high) {
    if (high >= count) return;
    const uint32_t a = __ldcg(values + low), b = __ldcg(values + high);
    if (!before(b, a)) return;
    __stcg(values + low, b);
    __stcg(values + high, a);
  };
  for (uint32_t size = 2; size / 2 < count; size *= 2) {
    for (uint32_t i = Team::rank(); i < count; i += Team::size()) {
      if ((i & (size / 2)) == 0) exchange(i, i ^ (size - 1));
    }
    Team::sync();
    for (uint32_t step = size / 4; step > 0; step /= 2) {
      for (uint32_t i = Team::rank(); i < count; i += Team::size()) {
        if ((i & step) == 0) exchange(i, i + step);
      }
      Team::sync();
    }
  }
}

}  // namespace gavel::cuda

#endif
