// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pairwise_sum.inl: sums in the order of pairwise_sum.h, in each lane, over the wrapper of one_lane.h or one of cpu/vector.h.

// `add` is another function inside the class.
GAVEL_HOST_DEVICE Vector sum_of_two(Vector a, Vector b) {
  return add(a, b);
}

class PairwiseSum {
 public:
  GAVEL_HOST_DEVICE void add(Vector term) {
    // partial_[l] holds a finished sum of 2^l terms where bit l of count_ is set: adding is carrying in a binary counter.
    int32_t level = 0;
    for (uint64_t left = count_++; left & 1; left >>= 1) term = sum_of_two(partial_[level++], term);
    partial_[level] = term;
  }

  // lower: the sum of fewer terms behind all others, where each of those stands for as many as there could be.
  GAVEL_HOST_DEVICE Vector total(Vector lower) const {
    Vector sum = lower;
    int32_t level = 0;
    for (uint64_t left = count_; left != 0; left >>= 1, ++level) {
      if (left & 1) sum = sum_of_two(partial_[level], sum);
    }
    return sum;
  }
  GAVEL_HOST_DEVICE Vector total() const { return total(zero()); }

 private:
  uint64_t count_ = 0;
  Vector partial_[64];  // only levels below the highest bit of count_ are ever read
};
