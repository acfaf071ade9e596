// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "loss_checks.h"

using namespace gavel::test;

namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

double as_double(float x) {
  return static_cast<double>(x);
}

void check_random(gavel_context *context) {
  LargestErrors largest;
  double difference = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const int64_t n = random.integer(2, seed % 10 == 0 ? 3000 : 40);
    const LossProblem problem = random_pairs(random, n, random.integer(0, 3 * n));
    check_against_reference(context, problem, seed, largest);
    if (n <= 40) difference = std::fmax(difference, largest_difference(problem));
    if (seed % 20 == 0) check_everywhere(problem, seed);
  }
  report("BRADLEY_TERRY", largest);
  CHECK(difference <= 1e-7, "the reference's gradient is %g away from its central differences", difference);
}

// Named settings of published losses, each against its own closed form in float64.
void check_variants(gavel_context *context) {
  const std::vector<float> s = {1.5f, -0.25f, 2, 2};
  LossProblem plain = pairs_problem(s, {0, 1, 1, 2, 2, 3});
  LossOutputs out = run_loss(context, plain);
  const double logs[] = {std::log1p(std::exp(-1.75)), std::log1p(std::exp(2.25)), std::log(2.0)};
  for (size_t p = 0; p < 3; ++p) CHECK(std::fabs(as_double(out.item_loss[p]) - logs[p]) < 4e-7, "pair %zu", p);
  CHECK(std::fabs(as_double(out.loss[0]) - (logs[0] + logs[1] + logs[2]) / 3) < 2e-7, "mean of three");
  CHECK(std::fabs(as_double(out.dscore[3]) - 0.5 / 3) < 1e-7, "a tied pair pulls with one half");

  plain.reduction = GAVEL_REDUCTION_SUM;
  const LossOutputs sum = run_loss(context, plain);
  CHECK(std::fabs(as_double(sum.loss[0]) - (logs[0] + logs[1] + logs[2])) < 5e-7, "sum");
  plain.reduction = GAVEL_REDUCTION_NONE;
  const LossOutputs none = run_loss(context, plain);
  check_bits("NONE has the gradient of SUM", none.dscore.data(), sum.dscore.data(), 4, 0);
  CHECK(std::isnan(none.loss[0]), "NONE writes no scalar");

  // Weights 2, 0, 2: the second pair drops out of the weighted mean, the scale of the weights drops out, too.
  plain.reduction = GAVEL_REDUCTION_WEIGHTED_MEAN;
  plain.weight.values = {2, 0, 2};
  out = run_loss(context, plain);
  CHECK(std::fabs(as_double(out.loss[0]) - (logs[0] + logs[2]) / 2) < 3e-7, "weighted mean");
  plain.weight.values = {0, 0, 0};
  out = run_loss(context, plain);
  CHECK(out.loss[0] == 0, "a weighted mean without weight is 0");
  for (const float d : out.dscore) CHECK(std::bit_cast<uint32_t>(d) == 0, "and so is its gradient");
  plain.scores[0] = kNan;
  out = run_loss(context, plain);
  CHECK(out.loss[0] == 0 && out.dscore[0] == 0 && std::isnan(out.item_loss[0]), "even with a NaN, which its item shows");

  // Smoothing 1 prefers the rejected one; smoothing one half is even, with its least loss at z = 0.
  LossProblem smooth = pairs_problem({1, -1, 3, 3}, {0, 1, 2, 3});
  smooth.label_smoothing.values = {1, 0.5f};
  out = run_loss(context, smooth);
  CHECK(std::fabs(as_double(out.item_loss[0]) - std::log1p(std::exp(2.0))) < 4e-7, "all of it smoothed");
  CHECK(out.dscore[2] == 0 && out.dscore[3] == 0, "an even pair at even scores does not pull");
}

void check_identities(gavel_context *context) {
  for (uint64_t seed = 300; seed < 330; ++seed) {
    Random random(seed);
    LossProblem problem = random_pairs(random, 20, 1);
    problem.center = LossNumber{};
    problem.mask.clear();
    LossOutputs out = run_loss(context, problem);
    CHECK(out.dscore[static_cast<size_t>(problem.pairs[0])] == -out.dscore[static_cast<size_t>(problem.pairs[1])],
          "the two gradients of a pair are opposite, seed %d", static_cast<int>(seed));

    // Scores on a grid of 2^-10: adding 8 is exact, so the shift may not change a bit.
    problem = random_pairs(random, 20, 30);
    problem.center = LossNumber{};
    for (float &s : problem.scores) s = std::round(s * 1024) / 1024;
    out = run_loss(context, problem);
    for (float &s : problem.scores) s += 8;
    check_same_outputs("shifted scores", run_loss(context, problem), out, seed);
  }
}

// A pair at a masked score is as if it were not in the list; extra scores that no pair names change nothing.
void check_masked(gavel_context *context) {
  for (uint64_t seed = 400; seed < 430; ++seed) {
    Random random(seed);
    LossProblem problem = random_pairs(random, 30, 60);
    problem.mask = random_mask(random, 30, 0.7);
    LossProblem kept = problem;
    kept.pairs.clear(), kept.tie_mask.clear(), kept.mask.clear();
    LossNumber *const numbers[] = {&kept.weight, &kept.beta, &kept.margin, &kept.label_smoothing, &kept.center, &kept.tie};
    const LossNumber *const all[] = {&problem.weight,          &problem.beta,   &problem.margin,
                                     &problem.label_smoothing, &problem.center, &problem.tie};
    for (LossNumber *number : numbers) number->values.clear();
    std::vector<size_t> where;
    for (size_t p = 0; p < 60; ++p) {
      const int64_t i = problem.pairs[2 * p], j = problem.pairs[2 * p + 1];
      if (!problem.is_valid(i) || !problem.is_valid(j)) continue;
      where.push_back(p);
      kept.pairs.insert(kept.pairs.end(), {i, j});
      if (!problem.tie_mask.empty()) kept.tie_mask.push_back(problem.tie_mask[p]);
      for (size_t k = 0; k < 6; ++k) {
        if (!all[k]->values.empty()) numbers[k]->values.push_back(all[k]->values[p]);
      }
    }
    const LossOutputs masked = run_loss(context, problem);
    LossOutputs removed = run_loss(context, kept);
    std::vector<float> items(60, 0);
    for (size_t k = 0; k < where.size(); ++k) items[where[k]] = removed.item_loss[k];
    removed.item_loss = items;
    check_same_outputs("masked = removed", masked, removed, seed);
  }
}

void check_edges(gavel_context *context) {
  // Gaps of 1e4 and what they tend to.
  LossProblem wide = pairs_problem({1e4f, 0, -1e4f, 0}, {0, 1, 2, 3});
  wide.reduction = GAVEL_REDUCTION_SUM;
  LossOutputs out = run_loss(context, wide);
  CHECK(out.item_loss[0] == 0 && out.item_loss[1] == 1e4f, "losses at gaps of 1e4: %g, %g", as_double(out.item_loss[0]),
        as_double(out.item_loss[1]));
  CHECK(out.dscore[0] == 0 && out.dscore[2] == -1 && out.dscore[3] == 1, "gradients at gaps of 1e4");

  // The same score in many pairs adds up, in the order of the pairs.
  LossProblem shared = pairs_problem({2, 1, 0}, {0, 1, 0, 2, 0, 1, 1, 2});
  shared.reduction = GAVEL_REDUCTION_SUM;
  out = run_loss(context, shared);
  const LossOutputs one = run_loss(context, [&] {
    auto p = shared;
    p.pairs = {0, 1};
    return p;
  }());
  const LossOutputs two = run_loss(context, [&] {
    auto p = shared;
    p.pairs = {0, 2};
    return p;
  }());
  const float expected = (one.dscore[0] + two.dscore[0]) + one.dscore[0];
  CHECK(out.dscore[0] == expected, "%a, expected %a", as_double(out.dscore[0]), as_double(expected));

  // Infinities reach the limit where there is one, and NaN where there is none.
  LossProblem infinite = pairs_problem({kInf, 0, -kInf, kInf}, {0, 1, 1, 0, 1, 2, 0, 3});
  infinite.reduction = GAVEL_REDUCTION_SUM;
  out = run_loss(context, infinite);
  CHECK(out.item_loss[0] == 0 && out.item_loss[1] == kInf && out.item_loss[2] == 0 && std::isnan(out.item_loss[3]),
        "losses with infinite scores: %g %g %g %g", as_double(out.item_loss[0]), as_double(out.item_loss[1]),
        as_double(out.item_loss[2]), as_double(out.item_loss[3]));

  // A NaN score spoils its own pairs, the sum, and nothing else.
  LossProblem nan = pairs_problem({1, kNan, 0, 2}, {0, 2, 1, 3, 3, 2});
  for (const bool tie : {false, true}) {
    if (tie) nan.tie_mask = {0, 1, 0};
    out = run_loss(context, nan);
    CHECK(!std::isnan(out.item_loss[0]) && std::isnan(out.item_loss[1]) && !std::isnan(out.item_loss[2]), "items, tie %d", tie);
    CHECK(!std::isnan(out.dscore[0]) && std::isnan(out.dscore[1]) && !std::isnan(out.dscore[2]) && std::isnan(out.dscore[3]),
          "gradients, tie %d", tie);
    CHECK(std::isnan(out.loss[0]), "the reduced loss shows it, tie %d", tie);
  }
  nan.mask = {1, 0, 1, 1};
  out = run_loss(context, nan);
  CHECK(std::isfinite(out.loss[0]) && out.dscore[1] == 0, "a masked NaN is not looked at");

  for (const LossProblem &empty : {pairs_problem({}, {}), pairs_problem({1, 2}, {}), [] {
                                     auto p = pairs_problem({1, 2}, {0, 1});
                                     p.mask = {0, 1};
                                     return p;
                                   }()}) {
    out = run_loss(context, empty);
    CHECK(out.loss[0] == 0 && out.counts[0] == 0, "without a valid pair the mean is 0");
    for (const float d : out.dscore) CHECK(std::bit_cast<uint32_t>(d) == 0, "and so is its gradient");
  }

  // Ties: the least loss at equal scores, and no say of margin, beta or smoothing.
  LossProblem tie = pairs_problem({3, 3, 1, -1}, {0, 1, 2, 3});
  tie.reduction = GAVEL_REDUCTION_SUM;
  tie.tie_mask = {1, 7};
  tie.tie.scalar = 0.5f;
  tie.margin.scalar = 9;
  out = run_loss(context, tie);
  CHECK(out.item_loss[0] == 0 && out.item_loss[1] == 2 && out.dscore[2] == 2 && out.dscore[3] == -2 && out.dscore[0] == 0,
        "ties");
  tie.center.scalar = 0.25f;
  out = run_loss(context, tie);
  CHECK(out.item_loss[0] == 9 && out.dscore[0] == 3 && out.dscore[1] == 3 && out.item_loss[1] == 2, "centering, ties included");
}

}  // namespace

int main() {
  const TestContext context;
  check_random(context.get());
  check_variants(context.get());
  check_identities(context.get());
  check_masked(context.get());
  check_edges(context.get());
  return finish();
}
