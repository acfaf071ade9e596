// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PLACKETT_LUCE, PAIRWISE_RANKING, STEP_RANKING and ORDINAL: against float64, identities between losses, extremes, edges.
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
    const bool large = seed % 10 == 0;
    const LossProblem problem = kind == GAVEL_LOSS_ORDINAL ? random_ordinal(random, random.integer(2, 9), random.integer(0, 9))
                                                           : random_ranked(random, kind, random.integer(0, 12), large ? 60 : 9);
    check_against_reference(context, problem, seed, largest);
    if (!large) difference = std::fmax(difference, largest_difference(problem));
    if (seed % 20 == 0) check_everywhere(problem, seed);
  }
  // ORDINAL: where almost every pair of levels is admitted, prior and posterior are almost equal and their difference is small.
  report(name, largest, kind == GAVEL_LOSS_ORDINAL ? 2e-5 : 2e-6);
  CHECK(difference <= 1e-7, "%s: the reference's gradient is %g away from its central differences", name, difference);
}

// Both losses as they come out, within twice a bound that holds for either.
void check_close(const char *what, const LossOutputs &a, const LossOutputs &b, const LossProblem &problem, uint64_t seed) {
  const LossReference bound = loss_reference(problem);
  CHECK(std::fabs(static_cast<double>(a.loss[0]) - static_cast<double>(b.loss[0])) <= 2 * bound.loss_bound,
        "%s, seed %llu: %.9g and %.9g", what, static_cast<unsigned long long>(seed), static_cast<double>(a.loss[0]),
        static_cast<double>(b.loss[0]));
  for (size_t n = 0; n < a.dscore.size(); ++n) {
    CHECK(std::fabs(static_cast<double>(a.dscore[n]) - static_cast<double>(b.dscore[n])) <= 2 * bound.dscore_bound[n],
          "%s, seed %llu: dscore[%zu] %.9g and %.9g", what, static_cast<unsigned long long>(seed), n,
          static_cast<double>(a.dscore[n]), static_cast<double>(b.dscore[n]));
  }
}

// The first place alone is CROSS_ENTROPY; two entries are BRADLEY_TERRY, in PAIRWISE_RANKING with its very bits.
void check_identities(gavel_context *context) {
  for (uint64_t seed = 700; seed < 740; ++seed) {
    Random random(seed);
    LossProblem listwise = random_ranked(random, GAVEL_LOSS_PLACKETT_LUCE, 6, 8);
    listwise.mask.clear();
    listwise.top_k = 1;
    LossProblem first = listwise;
    first.kind = GAVEL_LOSS_CROSS_ENTROPY;
    first.top_k = 0;
    first.ranks.clear();
    for (size_t g = 0; g + 1 < listwise.offsets.size(); ++g) {
      int64_t best = listwise.offsets[g];
      for (int64_t n = best; n < listwise.offsets[g + 1]; ++n) {
        if (listwise.ranks[static_cast<size_t>(n)] < listwise.ranks[static_cast<size_t>(best)]) best = n;
      }
      first.target_index.push_back(best - listwise.offsets[g]);
    }
    check_close("top_k = 1", run_loss(context, listwise), run_loss(context, first), listwise, seed);

    const int64_t count = random.integer(1, 30);
    LossProblem pairs = pairs_problem(random_scores(random, 2 * count, 8), {});
    LossProblem groups;
    groups.scores = pairs.scores;
    groups.offsets = {0};
    for (int64_t g = 0; g < count; ++g) {
      const int64_t best = random.integer(0, 1);
      pairs.pairs.insert(pairs.pairs.end(), {2 * g + best, 2 * g + 1 - best});
      groups.offsets.push_back(2 * g + 2);
      groups.ranks.insert(groups.ranks.end(), {best == 0 ? 1 : 7, best == 0 ? 7 : 1});
    }
    const LossOutputs expected = run_loss(context, pairs);
    groups.kind = GAVEL_LOSS_PAIRWISE_RANKING;
    groups.beta.scalar = 1;
    check_same_outputs("PAIRWISE_RANKING of two", run_loss(context, groups), expected, seed);
    groups.kind = GAVEL_LOSS_PLACKETT_LUCE;
    groups.beta = {};
    groups.temperature.scalar = 1;
    check_close("PLACKETT_LUCE of two", run_loss(context, groups), expected, groups, seed);
  }
}

// Equal scores: n! orders are as likely as one another; a step among equals has the share of one in all.
void check_known(gavel_context *context) {
  LossProblem problem;
  problem.kind = GAVEL_LOSS_PLACKETT_LUCE;
  problem.scores.assign(4, 2.5f);
  problem.ranks = {3, 1, 40, 2};
  problem.offsets = {0, 4};
  problem.temperature.scalar = 1;
  CHECK(std::fabs(static_cast<double>(run_loss(context, problem).loss[0]) - std::log(24.0)) < 1e-6, "log 4! is %g",
        static_cast<double>(run_loss(context, problem).loss[0]));

  // PQM with one wrong and two correct steps at 0 and zeta 0: D = log 2, log 3, log 4.
  problem = {};
  problem.kind = GAVEL_LOSS_STEP_RANKING;
  problem.scores.assign(3, 0.0f);
  problem.labels = {1, 0, 1};
  problem.offsets = {0, 3};
  LossOutputs out = run_loss(context, problem);
  CHECK(std::fabs(static_cast<double>(out.loss[0]) - std::log(24.0) / 3) < 1e-6, "%g", static_cast<double>(out.loss[0]));
  const double expected[] = {(1.0 / 3 + 1.0 / 4 - 1) / 3, (1.0 / 2 + 1.0 / 3 + 1.0 / 4) / 3, (1.0 / 4 - 1) / 3};
  for (size_t n = 0; n < 3; ++n) {
    CHECK(std::fabs(static_cast<double>(out.dscore[n]) - expected[n]) < 1e-7, "dscore[%zu] %g", n,
          static_cast<double>(out.dscore[n]));
  }

  // Two levels, both rows uniform: the chosen one at 1 and the rejected one at 0 has probability 1/4.
  problem = {};
  problem.kind = GAVEL_LOSS_ORDINAL;
  problem.classes = 2;
  problem.scores.assign(4, -3.0f);
  problem.pairs = {1, 0};
  out = run_loss(context, problem);
  CHECK(std::fabs(static_cast<double>(out.loss[0]) - std::log(4.0)) < 1e-6, "%g", static_cast<double>(out.loss[0]));
}

void check_extremes(gavel_context *context) {
  // The worse one is 10 000 above.
  LossProblem problem;
  problem.scores = {0, 1e4f};
  problem.ranks = {1, 2};
  problem.offsets = {0, 2};
  for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING}) {
    problem.kind = kind;
    problem.beta.scalar = kind == GAVEL_LOSS_PAIRWISE_RANKING ? 1 : 0;
    problem.temperature.scalar = kind == GAVEL_LOSS_PLACKETT_LUCE ? 1 : 0;
    problem.scores = {0, 1e4f};
    LossOutputs out = run_loss(context, problem);
    CHECK(out.loss[0] == 1e4f && out.dscore[0] == -1 && out.dscore[1] == 1, "kind %d: %g %g %g", kind,
          static_cast<double>(out.loss[0]), static_cast<double>(out.dscore[0]), static_cast<double>(out.dscore[1]));
    problem.scores = {1e4f, 0};
    out = run_loss(context, problem);
    CHECK(out.loss[0] == 0 && out.dscore[0] == 0 && out.dscore[1] == 0, "kind %d: %g %g %g", kind,
          static_cast<double>(out.loss[0]), static_cast<double>(out.dscore[0]), static_cast<double>(out.dscore[1]));
    problem.scores = {kNan, 0};
    out = run_loss(context, problem);
    CHECK(std::isnan(out.loss[0]) && std::isnan(out.dscore[0]) && std::isnan(out.dscore[1]), "kind %d: NaN is hidden", kind);
  }
  problem = {};
  problem.kind = GAVEL_LOSS_STEP_RANKING;
  problem.scores = {-1e4f, 1e4f};
  problem.labels = {1, 0};
  problem.offsets = {0, 2};
  problem.zeta.scalar = 4;
  LossOutputs out = run_loss(context, problem);
  CHECK(out.loss[0] == (1e4f + 4 + 2e4f + 4) / 2 && out.dscore[0] == -0.5f && out.dscore[1] == 1, "%g %g %g",
        static_cast<double>(out.loss[0]), static_cast<double>(out.dscore[0]), static_cast<double>(out.dscore[1]));
  // Probabilities of e^-600 are no floats.
  problem = {};
  problem.kind = GAVEL_LOSS_ORDINAL;
  problem.classes = 3;
  problem.scores = {300, 0, -300, -300, 0, 300};
  problem.pairs = {0, 1};
  out = run_loss(context, problem);
  CHECK(std::fabs(static_cast<double>(out.loss[0]) - (900 - std::log(2.0))) < 1e-4 && out.dscore[0] == 1 && out.dscore[5] == 1,
        "%g %g %g", static_cast<double>(out.loss[0]), static_cast<double>(out.dscore[0]), static_cast<double>(out.dscore[5]));
}

void refused(gavel_context *context, const LossProblem &problem, const char *names, Where where = Where::current()) {
  LossOutputs out;
  const gavel_loss_args args = loss_args(problem, out);
  auto error = sized<gavel_error>();
  expect_refused(names, gavel_loss(context, &args, &error), error, "gavel_loss", names, where);
}

void check_refusals(gavel_context *context) {
  Random random(9);
  LossProblem good = random_ranked(random, GAVEL_LOSS_PLACKETT_LUCE, 3, 6);
  good.scores = {1, 2, 3, 4};
  good.offsets = {0, 2, 4};
  good.ranks = {1, 2, 2, 1};
  good.mask.clear();
  good.weight = {1, {}};
  good.temperature = {1, {}};
  LossProblem bad = good;
  bad.ranks = {1, 2, 5, 5};
  refused(context, bad, "both have rank 5");
  // A tie with a masked entry is none.
  bad.mask = {1, 1, 1, 0};
  run_loss(context, bad);
  bad = good;
  bad.top_k = -1;
  refused(context, bad, "loss.top_k is -1");
  bad = good;
  bad.ranks.pop_back();
  refused(context, bad, "loss.ranks");
  bad = good;
  bad.offsets = {0, 3, 2, 4};
  bad.ranks = {1, 2, 3, 4};
  bad.temperature = {1, {}};
  refused(context, bad, "loss.offsets");
  bad = good;
  bad.kind = GAVEL_LOSS_STEP_RANKING;
  bad.ranks.clear();
  bad.top_k = 0;
  bad.temperature = {};
  bad.labels = {0, 1, 2, 0};
  refused(context, bad, "loss.labels[2] is 2");
  bad.labels = {0, 1, 1, 0};
  bad.top_k = 2;
  refused(context, bad, "only PLACKETT_LUCE has places");
  bad.top_k = 0;
  bad.classes = 2;
  refused(context, bad, "only ORDINAL has levels");
  bad.classes = 0;
  bad.ranks = {1, 2, 3, 4};
  refused(context, bad, "loss.ranks");
  bad = random_ordinal(random, 3, 2);
  bad.mask.clear();
  bad.admissible.clear();
  bad.classes = 5;
  bad.scores.assign(15, 0);
  bad.pairs = {0, 3, 1, 2};
  refused(context, bad, "has 3 as its rejected row");
  bad.pairs = {1, 1, 1, 2};
  refused(context, bad, "compares row 1 with itself");
  bad.pairs = {0, 1, 1, 2};
  bad.admissible.assign(25, 0);
  refused(context, bad, "loss.admissible is 0 everywhere");
  bad.admissible[7] = kInf;
  refused(context, bad, "loss.admissible[1][2] is inf");
  bad.admissible.clear();
  bad.classes = 4;
  refused(context, bad, "no whole number of rows");
  bad.classes = 1;
  refused(context, bad, "loss.classes is 1");
}

}  // namespace

int main() {
  const TestContext context;
  check_random(context.get(), "PLACKETT_LUCE", GAVEL_LOSS_PLACKETT_LUCE);
  check_random(context.get(), "PAIRWISE_RANKING", GAVEL_LOSS_PAIRWISE_RANKING);
  check_random(context.get(), "STEP_RANKING", GAVEL_LOSS_STEP_RANKING);
  check_random(context.get(), "ORDINAL", GAVEL_LOSS_ORDINAL);
  check_identities(context.get());
  check_known(context.get());
  check_extremes(context.get());
  check_refusals(context.get());
  return finish();
}
