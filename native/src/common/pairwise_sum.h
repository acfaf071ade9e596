// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pairwise_sum.h: the one order in which losses add up their terms.
//
// Terms are numbered as they come; neighbours 2k and 2k + 1 are added, then neighbouring sums, and so on; a missing neighbour adds
// nothing. The tree depends on the number of terms alone. The error grows with log2(n): in a running sum a head whose scores are
// still all equal (the same loss n times over) would be off by 1e-5 at 100 000 pairs, because every step rounds the same way.
// A masked term is left out, not added as 0, so masking something gives the same bits as removing it.
#ifndef GAVEL_COMMON_PAIRWISE_SUM_H
#define GAVEL_COMMON_PAIRWISE_SUM_H

#include "common/numeric.h"

namespace gavel {

class PairwiseSum {
 public:
  GAVEL_HOST_DEVICE void add(float term) {
    // partial_[l] holds a finished sum of 2^l terms where bit l of count_ is set: adding is carrying in a binary counter.
    int32_t level = 0;
    for (uint64_t left = count_++; left & 1; left >>= 1) term = partial_[level++] + term;
    partial_[level] = term;
  }

  // lower: the sum of fewer terms behind all others, where each of those stands for as many as there could be.
  GAVEL_HOST_DEVICE float total(float lower = 0.0f) const {
    float sum = lower;
    int32_t level = 0;
    for (uint64_t left = count_; left != 0; left >>= 1, ++level) {
      if (left & 1) sum = partial_[level] + sum;
    }
    return sum;
  }

 private:
  uint64_t count_ = 0;
  float partial_[64];  // only levels below the highest bit of count_ are ever read
};

}  // namespace gavel

#endif
