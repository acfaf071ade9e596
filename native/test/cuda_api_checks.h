// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_api_checks.h: equal bits of everything that a score or a loss call writes.
#ifndef GAVEL_TEST_CUDA_API_CHECKS_H
#define GAVEL_TEST_CUDA_API_CHECKS_H

#include "api_fixture.h"
#include "loss_problem.h"

namespace gavel::test {

inline void check_scores(const std::string &what, const Scores &actual, const Scores &expected, uint64_t seed) {
  const auto same = [&](const char *part, const std::vector<float> &a, const std::vector<float> &b) {
    check_bits(what + " " + part, a.data(), b.data(), static_cast<int64_t>(b.size()), seed);
  };
  same("scores", actual.scores, expected.scores);
  same("logits", actual.logits, expected.logits);
  same("vectors", actual.vectors, expected.vectors);
  same("preactivations", actual.preactivations, expected.preactivations);
  check_equal(what + " invalid items", actual.counts[0], expected.counts[0]);
  check_equal(what + " NaN items", actual.counts[1], expected.counts[1]);
}

inline void check_losses(const LossProblem &problem, const LossOutputs &actual, const LossOutputs &expected, uint64_t seed) {
  check_bits("item_loss", actual.item_loss.data(), expected.item_loss.data(), problem.items(), seed);
  if (problem.reduction != GAVEL_REDUCTION_NONE) check_bits("loss", actual.loss.data(), expected.loss.data(), 1, seed);
  check_bits("dscore", actual.dscore.data(), expected.dscore.data(), static_cast<int64_t>(problem.scores.size()), seed);
  check_equal("valid items", actual.counts[0], expected.counts[0]);
  check_equal("skipped items", actual.counts[1], expected.counts[1]);
}

}  // namespace gavel::test

#endif
