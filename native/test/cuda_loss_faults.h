// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_loss_faults.h: what a fault must come to: a report of it, NaN for its items and the bits of the others.
#ifndef GAVEL_TEST_CUDA_LOSS_FAULTS_H
#define GAVEL_TEST_CUDA_LOSS_FAULTS_H

#include <algorithm>

#include "cuda_loss_fixture.h"

namespace gavel::test {

// A fault (cuda/fault.h).
struct Expected {
  int32_t kind;
  int64_t item, value, limit;
};

// `wrong`: the items whose loss is NaN. Their losses make the sum NaN; the other items keep the bits they have without the fault.
inline CudaLossOutputs check_fault(const std::string &what, const LossProblem &problem, const Expected &expected,
                                   const std::vector<size_t> &wrong, const LossOutputs &without) {
  CudaLossOutputs out;
  for (const unsigned block : {0u, 64u}) {
    out = run_cuda_loss(problem, {block, 2, 1, true});
    check_equal(what + ": kind", out.fault.kind, expected.kind);
    check_equal(what + ": item", out.fault.item, expected.item);
    check_equal(what + ": value", out.fault.value, expected.value);
    check_equal(what + ": limit", out.fault.limit, expected.limit);
    for (size_t k = 0; k < out.item_loss.size(); ++k) {
      if (std::find(wrong.begin(), wrong.end(), k) != wrong.end()) {
        CHECK(std::isnan(out.item_loss[k]), "%s: loss %zu is %g", what.c_str(), k, static_cast<double>(out.item_loss[k]));
      } else {
        check_bits(what + ": loss of another item", &out.item_loss[k], &without.item_loss[k], 1, 0);
      }
    }
    CHECK(wrong.empty() || std::isnan(out.loss[0]), "%s: the loss is %g", what.c_str(), static_cast<double>(out.loss[0]));
  }
  return out;
}

inline void check_nan(const std::string &what, const CudaLossOutputs &out, const std::vector<size_t> &nan,
                      const LossOutputs &without) {
  for (size_t n = 0; n < out.dscore.size(); ++n) {
    if (std::find(nan.begin(), nan.end(), n) != nan.end()) {
      CHECK(std::isnan(out.dscore[n]), "%s: gradient %zu is %g", what.c_str(), n, static_cast<double>(out.dscore[n]));
    } else {
      check_bits(what + ": another gradient", &out.dscore[n], &without.dscore[n], 1, 0);
    }
  }
}

}  // namespace gavel::test

#endif
