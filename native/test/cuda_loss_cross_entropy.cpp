// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// CROSS_ENTROPY over ragged groups on the device: the bits of the CPU backend for groups of every size class; identities; edges.
#include "cuda_loss_fixture.h"

using namespace gavel::test;

namespace {

void check_random(gavel_context *context) {
  for (uint64_t seed = 1; seed <= (kSanitized ? 12 : 30); ++seed) {
    Random random(seed);
    LossProblem problem = random_groups(random, random.integer(1, 70), seed % 3 == 0 ? 120 : seed % 3 == 1 ? 7 : 30);
    if (seed % 6 == 0) problem.reduction = GAVEL_REDUCTION_NONE;
    check_as_cpu(context, problem, seed);
    if (problem.reduction == GAVEL_REDUCTION_NONE) continue;
    const LossReference reference = loss_reference(problem);
    const CudaLossOutputs actual = run_cuda_loss(problem);
    check_bound("item_loss", actual.item_loss.data(), reference.item_loss.data(), reference.item_bound.data(), problem.items(),
                seed);
    check_bound("loss", actual.loss.data(), &reference.loss, &reference.loss_bound, 1, seed);
    check_bound("dscore", actual.dscore.data(), reference.dscore.data(), reference.dscore_bound.data(),
                static_cast<int64_t>(problem.scores.size()), seed);
  }
}

LossProblem groups_of(uint64_t seed, const std::vector<int64_t> &sizes, bool soft, bool masked) {
  Random random(seed);
  LossProblem problem = groups_problem({}, {0}, {});
  for (const int64_t size : sizes) {
    problem.target_index.push_back(random.integer(0, size - 1));
    for (int64_t n = 0; n < size; ++n) problem.scores.push_back(3 * random.normal());
    problem.offsets.push_back(problem.offsets.back() + size);
  }
  const auto count = static_cast<int64_t>(problem.scores.size());
  if (masked) {
    problem.mask = random_mask(random, count, 0.6);
    for (size_t g = 0; g < sizes.size(); ++g) {
      problem.mask[static_cast<size_t>(problem.offsets[g] + problem.target_index[g])] = 1;
    }
  }
  if (soft) {
    problem.target_index.clear();
    for (int64_t n = 0; n < count; ++n) {
      const bool counts = problem.mask.empty() || problem.mask[static_cast<size_t>(n)] != 0;
      problem.target_weights.push_back(counts ? static_cast<float>(random.uniform(0, 1)) : 0.0f);
    }
  }
  problem.temperature.scalar = 0.7f;
  return problem;
}

// Around what 8 lanes, a tile, a warp and a block take.
void check_sizes(gavel_context *context) {
  const std::vector<int64_t> sizes = {1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 1300};
  for (const bool soft : {false, true}) {
    for (const bool masked : {false, true}) check_as_cpu(context, groups_of(51, sizes, soft, masked), 51);
  }
  check_schedules(groups_of(52, {3, 8, 20, 70, 1, 5, 33}, false, false), "groups");
  check_schedules(groups_of(53, {3, 8, 20, 70, 1, 5, 33, 1100}, true, true), "masked groups");
}

void check_identities() {
  const std::vector<int64_t> sizes = {2, 5, 8, 17, 40, 300, 1100};
  LossProblem problem = groups_of(61, sizes, false, false);
  problem.reduction = GAVEL_REDUCTION_SUM;
  const CudaLossOutputs out = run_cuda_loss(problem);
  for (size_t g = 0; g < sizes.size(); ++g) {
    double sum = 0, magnitude = 0;
    for (int64_t n = problem.offsets[g]; n < problem.offsets[g + 1]; ++n) {
      sum += static_cast<double>(out.dscore[static_cast<size_t>(n)]);
      magnitude += std::fabs(static_cast<double>(out.dscore[static_cast<size_t>(n)]));
    }
    // Each entry's share is good to the error of an exponential, a sum in pairs and a few roundings (loss_reference.h).
    const double bound = (kFunction + (levels(sizes[g]) + 6) * kLossUnit) * magnitude;
    CHECK(std::fabs(sum) <= bound, "gradients of group %zu add up to %g", g, sum);
  }
  // A group of two is a pair.
  const LossProblem two = groups_problem({0.3f, -1.2f}, {0, 2}, {0});
  const LossProblem pair = pairs_problem({0.3f, -1.2f}, {0, 1});
  check_same_outputs("two scores", run_cuda_loss(two), run_cuda_loss(pair), 0);
}

void check_edges(gavel_context *context) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  check_as_cpu(context, groups_problem({}, {0}, {}), 0);
  check_as_cpu(context, groups_problem({}, {0, 0, 0}, {-1, 5}), 0);
  check_as_cpu(context, groups_problem({1}, {0, 1}, {7}), 0);
  check_as_cpu(context, groups_problem({2, 2, 2, -0.0f, 0.0f}, {0, 3, 5}, {1, 0}), 0);
  check_as_cpu(context, groups_problem({1e4f, -1e4f, 0, -1e4f, 1e4f, 0}, {0, 3, 6}, {1, 1}), 0);
  // NaN in front, elsewhere, in a group of its own; infinities as leader and as target.
  check_as_cpu(
      context,
      groups_problem({nan, 1, 2, 1, nan, 2, 3, 4, inf, 1, 0, -inf, 1, 0, 5, 6}, {0, 3, 6, 8, 11, 14, 16}, {1, 0, 1, 0, 0, 1}),
      0);
  LossProblem untargeted = groups_problem({1, 2, 3, 4}, {0, 2, 4}, {});
  untargeted.target_weights = {0, 0, 0.5f, 2};
  check_as_cpu(context, untargeted, 0);
  untargeted.scores[0] = nan;
  check_as_cpu(context, untargeted, 0);
  LossProblem hidden = groups_problem({1, 2, 3, 4, 5, 6}, {0, 3, 6}, {0, 2});
  hidden.mask = {0, 0, 0, 1, 0, 1};
  check_as_cpu(context, hidden, 0);
}

}  // namespace

int main() {
  const TestContext context(1);
  check_random(context.get());
  check_sizes(context.get());
  check_identities();
  check_edges(context.get());
  return finish();
}
