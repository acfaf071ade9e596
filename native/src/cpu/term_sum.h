// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// term_sum.h: the sum of common/pairwise_sum.h over many terms: blocks of kLossBlock are added by a kernel, their sums are the terms of the
// tree above. The bits are those of adding term by term.
#ifndef GAVEL_CPU_TERM_SUM_H
#define GAVEL_CPU_TERM_SUM_H

#include <algorithm>
#include <cstdint>

#include "common/pairwise_sum.h"
#include "cpu/kernels.h"

namespace gavel {

class TermSum {
 public:
  explicit TermSum(const Kernels &kernels) : kernels_(kernels) {}

  void add(const float *terms, int64_t count) {
    while (count > 0) {
      if (held_ == 0 && count >= kLossBlock) {
        blocks_.add(kernels_.pairwise_sum(terms, kLossBlock));
        terms += kLossBlock;
        count -= kLossBlock;
        continue;
      }
      const int64_t taken = std::min(count, kLossBlock - held_);
      std::copy_n(terms, taken, terms_ + held_);
      terms += taken;
      count -= taken;
      held_ += taken;
      if (held_ < kLossBlock) return;
      blocks_.add(kernels_.pairwise_sum(terms_, kLossBlock));
      held_ = 0;
    }
  }

  float total() const { return blocks_.total(kernels_.pairwise_sum(terms_, held_)); }

 private:
  const Kernels &kernels_;
  PairwiseSum blocks_;
  int64_t held_ = 0;
  float terms_[kLossBlock];
};

}  // namespace gavel

#endif
