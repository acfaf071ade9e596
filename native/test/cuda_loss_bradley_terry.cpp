// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// BRADLEY_TERRY on the device: the bits of the CPU backend, whose own bounds against float64 loss_bradley_terry.cpp checks; scores that
// many pairs share; edges.
#include "cuda_loss_fixture.h"

using namespace gavel::test;

namespace {

void check_random(gavel_context *context) {
  LargestErrors largest;
  for (uint64_t seed = 1; seed <= (kSanitized ? 8 : 24); ++seed) {
    Random random(seed);
    const int64_t n = random.integer(2, seed % 8 == 0 ? 700 : 60);
    LossProblem problem = random_pairs(random, n, random.integer(0, 3 * n));
    if (seed % 6 == 0) problem.reduction = GAVEL_REDUCTION_NONE;
    check_as_cpu(context, problem, seed);
    if (problem.reduction == GAVEL_REDUCTION_NONE) continue;
    // The oracle that shares no code with either backend.
    const LossReference reference = loss_reference(problem);
    const CudaLossOutputs actual = run_cuda_loss(problem);
    check_bound("item_loss", actual.item_loss.data(), reference.item_loss.data(), reference.item_bound.data(), problem.items(),
                seed);
    check_bound("loss", actual.loss.data(), &reference.loss, &reference.loss_bound, 1, seed);
    check_bound("dscore", actual.dscore.data(), reference.dscore.data(), reference.dscore_bound.data(), n, seed);
  }
}

// `hubs` scores that everybody else is compared with, in random order: lists longer than the slots, than a warp takes, than a block.
LossProblem shared_scores(uint64_t seed, int64_t scores, int64_t pairs, int64_t hubs) {
  Random random(seed);
  LossProblem problem = pairs_problem({}, {});
  for (int64_t n = 0; n < scores; ++n) problem.scores.push_back(3 * random.normal());
  for (int64_t p = 0; p < pairs; ++p) {
    const int64_t hub = random.integer(0, hubs - 1), other = random.integer(hubs, scores - 1);
    const bool chosen = random.integer(0, 1) == 1;
    problem.pairs.insert(problem.pairs.end(), {chosen ? hub : other, chosen ? other : hub});
  }
  return problem;
}

void check_shared_scores(gavel_context *context) {
  check_as_cpu(context, shared_scores(31, 40, 300, 8), 31);    // up to 60 pairs a score
  check_as_cpu(context, shared_scores(32, 500, 1400, 1), 32);  // one list that the block sorts
  check_as_cpu(context, shared_scores(33, 1300, 1300, 300), 33);
  // Exactly as many pairs as slots, and one more.
  for (const int64_t pairs : {15, 16, 17, 18}) {
    LossProblem problem = pairs_problem({0.5f}, {});
    for (int64_t p = 0; p < pairs; ++p) {
      problem.scores.push_back(0.25f * static_cast<float>(p) - 1);
      problem.pairs.insert(problem.pairs.end(), {0, p + 1});
    }
    check_as_cpu(context, problem, static_cast<uint64_t>(pairs));
  }
  check_schedules(shared_scores(34, 60, 500, 5), "lists");
  Random random(35);
  check_schedules(random_pairs(random, 80, 160), "slots");
}

// The gradients of a pair alone add up to 0, as adding a constant to both scores changes nothing.
void check_identities() {
  Random random(41);
  LossProblem problem = pairs_problem({}, {});
  for (int64_t p = 0; p < 300; ++p) {
    problem.pairs.insert(problem.pairs.end(), {2 * p, 2 * p + 1});
    problem.scores.insert(problem.scores.end(), {4 * random.normal(), 4 * random.normal()});
  }
  problem.label_smoothing.scalar = 0.1f;
  const CudaLossOutputs out = run_cuda_loss(problem);
  for (size_t p = 0; p < 300; ++p) CHECK(out.dscore[2 * p] == -out.dscore[2 * p + 1], "pair %zu", p);
}

void check_edges(gavel_context *context) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  check_as_cpu(context, pairs_problem({}, {}), 0);
  check_as_cpu(context, pairs_problem({1}, {}), 0);
  LossProblem masked = pairs_problem({1, 2, 3}, {0, 1, 1, 2});
  masked.mask = {1, 0, 1};
  for (const int32_t reduction : {GAVEL_REDUCTION_MEAN_VALID, GAVEL_REDUCTION_SUM, GAVEL_REDUCTION_WEIGHTED_MEAN}) {
    masked.reduction = reduction;
    check_as_cpu(context, masked, 0);
  }
  LossProblem weightless = pairs_problem({1, 2, 3}, {0, 1, 1, 2});
  weightless.reduction = GAVEL_REDUCTION_WEIGHTED_MEAN;
  weightless.weight.values = {0, 0};
  check_as_cpu(context, weightless, 0);
  // NaN and infinities show, and in no score that is not compared with one.
  check_as_cpu(context, pairs_problem({nan, 1, 2, 3, inf, -inf, 0, 4}, {0, 1, 2, 3, 4, 5, 5, 4, 6, 7}), 0);
  // A gap of 1e4: the loss is the gap, not infinite, and the gradient 1.
  const LossProblem far = pairs_problem({-1e4f, 0, 1e4f, 0}, {0, 1, 2, 3});
  check_as_cpu(context, far, 0);
  const CudaLossOutputs out = run_cuda_loss(far);
  CHECK(out.item_loss[0] == 1e4f && out.item_loss[1] == 0 && out.dscore[0] == -0.5f, "%g %g %g",
        static_cast<double>(out.item_loss[0]), static_cast<double>(out.item_loss[1]), static_cast<double>(out.dscore[0]));
}

// The sum's tree over several units, with and without items that do not count.
void check_long_sums(gavel_context *context) {
  for (const int64_t pairs : {1023, 1024, 1025, 2500}) {
    for (const bool some : {false, true}) {
      Random random(static_cast<uint64_t>(pairs));
      LossProblem problem = pairs_problem({}, {});
      for (int64_t n = 0; n < pairs + 1; ++n) problem.scores.push_back(random.normal());
      for (int64_t p = 0; p < pairs; ++p) problem.pairs.insert(problem.pairs.end(), {p, p + 1});
      if (some) problem.mask = random_mask(random, pairs + 1, 0.8);
      const LossOutputs expected = run_loss(context, problem);
      const CudaLossOutputs actual = run_cuda_loss(problem);
      check_same_outputs("long sums", actual, expected, static_cast<uint64_t>(pairs));
    }
  }
}

}  // namespace

int main() {
  const TestContext context(1);
  check_random(context.get());
  check_shared_scores(context.get());
  check_identities();
  check_edges(context.get());
  check_long_sums(context.get());
  return finish();
}
