// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_checks.h: what every loss must pass: bounds and norms against float64, its gradient against differences, thread and table
// independence, masked things as if they were not there.
#ifndef GAVEL_TEST_LOSS_CHECKS_H
#define GAVEL_TEST_LOSS_CHECKS_H

#include <string>
#include <vector>

#include "loss_problem.h"
#include "loss_reference.h"

namespace gavel::test {

// |a - b| / |b| in the 2-norm.
inline double norm_error(const std::vector<float> &actual, const std::vector<double> &expected) {
  double difference = 0, norm = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    difference += (static_cast<double>(actual[k]) - expected[k]) * (static_cast<double>(actual[k]) - expected[k]);
    norm += expected[k] * expected[k];
  }
  return norm > 0 ? std::sqrt(difference / norm) : 0;
}

struct LargestErrors {
  double items = 0, loss = 0, dscore = 0;  // in bounds
  double relative_loss = 0, dscore_norm = 0;
};

inline void check_against_reference(gavel_context *context, const LossProblem &problem, uint64_t seed, LargestErrors &largest,
                                    Where where = Where::current()) {
  const LossReference expected = loss_reference(problem);
  const LossOutputs actual = run_loss(context, problem, where);
  const auto raise = [](double &most, double value) { most = std::fmax(most, value); };
  raise(largest.items, check_bound("item_loss", actual.item_loss.data(), expected.item_loss.data(), expected.item_bound.data(),
                                   problem.items(), seed, where));
  raise(largest.loss, check_bound("loss", actual.loss.data(), &expected.loss, &expected.loss_bound, 1, seed, where));
  raise(largest.dscore, check_bound("dscore", actual.dscore.data(), expected.dscore.data(), expected.dscore_bound.data(),
                                    static_cast<int64_t>(expected.dscore.size()), seed, where));
  raise(largest.relative_loss,
        std::fabs(static_cast<double>(actual.loss[0]) - expected.loss) / std::fmax(1, std::fabs(expected.loss)));
  raise(largest.dscore_norm, norm_error(actual.dscore, expected.dscore));
  check_equal("valid items", actual.counts[0], expected.valid, where);
  check_equal("skipped items", actual.counts[1], expected.skipped, where);
  for (size_t n = 0; n < problem.scores.size(); ++n) {
    if (problem.is_valid(static_cast<int64_t>(n))) continue;
    CHECK(std::bit_cast<uint32_t>(actual.dscore[n]) == 0, "dscore[%zu] of a masked score is %a", n,
          static_cast<double>(actual.dscore[n]));
  }
}

inline void report(const char *name, const LargestErrors &largest, double dscore_limit = 2e-6) {
  std::printf(
      "%s: largest errors %.2f (items), %.2f (loss), %.2f (dscore) of their bounds; loss %.2g relative, dscore %.2g in norm\n",
      name, largest.items, largest.loss, largest.dscore, largest.relative_loss, largest.dscore_norm);
  CHECK(largest.relative_loss <= 1e-6, "%g", largest.relative_loss);
  CHECK(largest.dscore_norm <= dscore_limit, "%g", largest.dscore_norm);
}

inline void check_same_outputs(const std::string &what, const LossOutputs &actual, const LossOutputs &expected, uint64_t seed,
                               Where where = Where::current()) {
  check_bits(what + ": item_loss", actual.item_loss.data(), expected.item_loss.data(),
             static_cast<int64_t>(expected.item_loss.size()), seed, where);
  check_bits(what + ": loss", actual.loss.data(), expected.loss.data(), 1, seed, where);
  check_bits(what + ": dscore", actual.dscore.data(), expected.dscore.data(), static_cast<int64_t>(expected.dscore.size()),
             seed, where);
}

// The same bits on every instruction set this machine has and with several threads.
inline void check_everywhere(const LossProblem &problem, uint64_t seed, Where where = Where::current()) {
  const LossOutputs expected = run_loss(TestContext(1, GAVEL_INSTRUCTION_SET_SCALAR).get(), problem, where);
  for (int32_t set = GAVEL_INSTRUCTION_SET_AVX2; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    const TestContext context(3, set);
    if (context.get() == nullptr) continue;
    check_same_outputs("instruction set " + std::to_string(set), run_loss(context.get(), problem, where), expected, seed,
                       where);
  }
}

}  // namespace gavel::test

#endif
