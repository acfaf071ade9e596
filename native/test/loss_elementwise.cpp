// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// MSE, BCE and PINBALL: against float64, identities, extremes, what is refused.
#include <cmath>

#include "hostile.h"
#include "loss_checks.h"
#include "loss_problem_kinds.h"

using namespace gavel::test;

namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

void check_random(gavel_context *context, const char *name, int32_t kind) {
  LargestErrors largest;
  double difference = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const LossProblem problem = random_targets(random, kind, random.integer(0, seed % 10 == 0 ? 3000 : 40));
    check_against_reference(context, problem, seed, largest);
    if (seed % 10 != 0) difference = std::fmax(difference, largest_difference(problem));
    if (seed % 20 == 0) check_everywhere(problem, seed);
  }
  report(name, largest);
  CHECK(difference <= 1e-7, "%s: the reference's gradient is %g away from its central differences", name, difference);
}

// A pair is one logit z = s_i - s_j with the target 1: BCE of the difference has the bits of BRADLEY_TERRY. The mean of two pinballs at
// 1/2 is half the absolute error.
void check_identities(gavel_context *context) {
  for (uint64_t seed = 40; seed < 60; ++seed) {
    Random random(seed);
    const int64_t count = random.integer(1, 50);
    LossProblem pairs = pairs_problem(random_scores(random, 2 * count, 8), {});
    LossProblem logits = targets_problem(GAVEL_LOSS_BCE, {}, std::vector<float>(static_cast<size_t>(count), 1.0f));
    for (int64_t p = 0; p < count; ++p) {
      pairs.pairs.insert(pairs.pairs.end(), {2 * p, 2 * p + 1});
      logits.scores.push_back(pairs.scores[static_cast<size_t>(2 * p)] - pairs.scores[static_cast<size_t>(2 * p + 1)]);
    }
    const LossOutputs expected = run_loss(context, pairs), actual = run_loss(context, logits);
    check_bits("loss", actual.loss.data(), expected.loss.data(), 1, seed);
    for (size_t p = 0; p < actual.dscore.size(); ++p) {
      CHECK(actual.dscore[p] == expected.dscore[2 * p], "dscore[%zu] is %a, of the pair %a", p,
            static_cast<double>(actual.dscore[p]), static_cast<double>(expected.dscore[2 * p]));
    }
  }
}

void check_extremes(gavel_context *context) {
  LossOutputs out = run_loss(context, targets_problem(GAVEL_LOSS_BCE, {1e4f, -1e4f, kInf, -kInf}, {0, 1, 1, 0}));
  CHECK(out.item_loss[0] == 1e4f && out.item_loss[1] == 1e4f && out.item_loss[2] == 0 && out.item_loss[3] == 0, "%g %g %g %g",
        static_cast<double>(out.item_loss[0]), static_cast<double>(out.item_loss[1]), static_cast<double>(out.item_loss[2]),
        static_cast<double>(out.item_loss[3]));
  CHECK(out.dscore[0] == 0.25f && out.dscore[1] == -0.25f && out.dscore[2] == 0 && out.dscore[3] == 0,
        "gradients of a sure score");
  for (const int32_t kind : {GAVEL_LOSS_MSE, GAVEL_LOSS_BCE, GAVEL_LOSS_PINBALL}) {
    out = run_loss(context, targets_problem(kind, {kNan, 1}, {0, 0}));
    CHECK(std::isnan(out.loss[0]) && std::isnan(out.dscore[0]) && !std::isnan(out.dscore[1]), "kind %d: NaN", kind);
    // Nothing but targets that are not there.
    out = run_loss(context, targets_problem(kind, {3, 1}, {kNan, kNan}));
    CHECK(out.loss[0] == 0 && out.counts[0] == 0 && out.counts[1] == 2 && out.dscore[0] == 0, "kind %d: no targets", kind);
  }
  out = run_loss(context, targets_problem(GAVEL_LOSS_PINBALL, {1}, {1}));
  CHECK(out.loss[0] == 0 && out.dscore[0] == 0.5f, "PINBALL at its target: %g %g", static_cast<double>(out.loss[0]),
        static_cast<double>(out.dscore[0]));
}

void refused(gavel_context *context, const LossProblem &problem, const char *names, Where where = Where::current()) {
  LossOutputs out;
  const gavel_loss_args args = loss_args(problem, out);
  auto error = sized<gavel_error>();
  expect_refused(names, gavel_loss(context, &args, &error), error, "gavel_loss", names, where);
}

void check_refusals(gavel_context *context) {
  refused(context, targets_problem(GAVEL_LOSS_MSE, {1, 2}, {0, kInf}), "loss.targets[1] is inf");
  refused(context, targets_problem(GAVEL_LOSS_BCE, {1, 2}, {0, 1.5f}), "loss.targets[1] is 1.5");
  refused(context, targets_problem(GAVEL_LOSS_MSE, {1, 2}, {0}), "loss.targets");
  LossProblem problem = targets_problem(GAVEL_LOSS_PINBALL, {1}, {0});
  for (const float quantile : {0.0f, 1.0f, -0.5f, kNan}) {
    problem.quantile.scalar = quantile;
    refused(context, problem, "loss.quantile is");
  }
  problem = targets_problem(GAVEL_LOSS_BCE, {1}, {0});
  problem.positive_weight.values = {-1};
  refused(context, problem, "loss.positive_weight_values[0]");
  problem = targets_problem(GAVEL_LOSS_MSE, {1}, {0});
  problem.beta.scalar = 1;
  refused(context, problem, "loss.beta is 1; MSE has no such number");
}

}  // namespace

int main() {
  const TestContext context;
  check_random(context.get(), "MSE", GAVEL_LOSS_MSE);
  check_random(context.get(), "BCE", GAVEL_LOSS_BCE);
  check_random(context.get(), "PINBALL", GAVEL_LOSS_PINBALL);
  check_identities(context.get());
  check_extremes(context.get());
  check_refusals(context.get());
  return finish();
}
