// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_walk.h: how the entries of one row of logits are walked: one after another here, by the lanes of a warp on a device
// (cuda/warp_walk.h). The formulas of readouts are written once over either, and sums are in pairwise order in both: the same bits.
#ifndef GAVEL_COMMON_ROW_WALK_H
#define GAVEL_COMMON_ROW_WALK_H

#include "common/pairwise_sum.h"

// A device walks with the intrinsics of a warp, which a host compiler of the same file could not call.
#ifdef __CUDACC__
#define GAVEL_ROW_FUNCTION __device__ __forceinline__
#else
#define GAVEL_ROW_FUNCTION [[gnu::always_inline]] inline
#endif

namespace gavel {

struct SerialWalk {
  // body(k) for every entry. Behind it all walkers see what the bodies wrote.
  template <typename Body>
  GAVEL_ROW_FUNCTION static void each(int64_t n, const Body &body) {
    for (int64_t k = 0; k < n; ++k) body(k);
  }
  // The sum of term(k), in pairwise order, to every walker. What the terms write is seen behind it, too.
  template <typename Term>
  GAVEL_ROW_FUNCTION static float sum(int64_t n, const Term &term) {
    PairwiseSum sum;
    for (int64_t k = 0; k < n; ++k) sum.add(term(k));
    return sum.total();
  }
  // The first of the largest entries that are no NaN; 0 where the first entry is one.
  GAVEL_ROW_FUNCTION static int64_t leader(const float *z, int64_t n) {
    int64_t leader = 0;
    for (int64_t k = 1; k < n; ++k) {
      if (z[k] > z[leader]) leader = k;
    }
    return leader;
  }
  // *target = value, which all walkers have; seen behind the next sync().
  GAVEL_ROW_FUNCTION static void put(float *target, float value) { *target = value; }
  GAVEL_ROW_FUNCTION static void sync() {}
};

}  // namespace gavel

#endif
