// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The losses over targets, rankings, steps and rows on the device: the bits of the CPU backend, whose own bounds against float64
// loss_elementwise.cpp and loss_rankings.cpp check, for items of every size class; schedules; edges.
#include "cuda_loss_fixture.h"
#include "loss_problem_kinds.h"

using namespace gavel::test;

namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int32_t kTargetKinds[] = {GAVEL_LOSS_MSE, GAVEL_LOSS_BCE, GAVEL_LOSS_PINBALL};
constexpr int32_t kRankedKinds[] = {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING, GAVEL_LOSS_STEP_RANKING};

void check_random(gavel_context *context) {
  for (uint64_t seed = 1; seed <= (kSanitized ? 4 : 16); ++seed) {
    Random random(seed);
    const auto as_cpu = [&](LossProblem problem) {
      // Every reduction, with masks and numbers as chance has them.
      problem.reduction = static_cast<int32_t>(seed % 4);
      check_as_cpu(context, problem, seed);
    };
    for (const int32_t kind : kTargetKinds) as_cpu(random_targets(random, kind, random.integer(0, 60)));
    for (const int32_t kind : kRankedKinds) {
      as_cpu(random_ranked(random, kind, random.integer(1, 60), seed % 3 == 0 ? 40 : seed % 3 == 1 ? 8 : 14));
    }
    as_cpu(random_ordinal(random, random.integer(2, 9), random.integer(0, 40)));
  }
}

// Groups of these sizes, the whole of one masked.
LossProblem groups_of(uint64_t seed, int32_t kind, const std::vector<int64_t> &sizes, bool masked, bool ties) {
  Random random(seed);
  LossProblem problem;
  problem.kind = kind;
  problem.offsets = {0};
  for (const int64_t size : sizes) problem.offsets.push_back(problem.offsets.back() + size);
  const int64_t count = problem.offsets.back();
  problem.scores = random_scores(random, count, 3);
  // Equal scores, too.
  for (size_t n = 0; n + 3 < problem.scores.size(); n += 3) problem.scores[n + 2] = problem.scores[n];
  if (masked) {
    problem.mask = random_mask(random, count, 0.6);
    for (int64_t n = problem.offsets[1]; n < problem.offsets[2]; ++n) problem.mask[static_cast<size_t>(n)] = 0;
  }
  if (kind == GAVEL_LOSS_STEP_RANKING) {
    problem.labels = random_mask(random, count, ties ? 0.1 : 0.7);
    for (uint8_t &label : problem.labels) label = label != 0;
    problem.zeta.scalar = 0.5f;
  } else {
    problem.ranks = random_ranks(random, count, ties);
    if (kind == GAVEL_LOSS_PLACKETT_LUCE) problem.temperature.scalar = 0.7f;
    if (kind == GAVEL_LOSS_PAIRWISE_RANKING) problem.beta.scalar = 0.7f;
  }
  return problem;
}

// Around what a thread, a tile, a warp and a block take.
void check_sizes(gavel_context *context) {
  const std::vector<int64_t> sizes = {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 65, 1000}, block = {5, 2, 1030, 0, 40};
  for (const bool masked : {false, true}) {
    for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_STEP_RANKING}) {
      const bool ties = masked && kind == GAVEL_LOSS_STEP_RANKING;
      LossProblem problem = groups_of(71, kind, sizes, masked, ties);
      check_as_cpu(context, problem, 71);
      check_as_cpu(context, groups_of(72, kind, block, masked, false), 72);
      if (kind != GAVEL_LOSS_PLACKETT_LUCE) continue;
      for (const int64_t top : {1, 2, 31, 32, 33, 999}) {
        problem.top_k = top;
        check_same_outputs("top " + std::to_string(top), run_cuda_loss(problem), run_loss(context, problem), 71);
      }
    }
  }
  // n^2 pairs a group: once with 1000, by a warp and by a block.
  const std::vector<int64_t> few = {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 65};
  for (const bool masked : {false, true}) {
    check_as_cpu(context, groups_of(73, GAVEL_LOSS_PAIRWISE_RANKING, few, masked, masked), 73);
  }
  const LossProblem large = groups_of(74, GAVEL_LOSS_PAIRWISE_RANKING, {1000, 1, 1030}, true, true);
  check_same_outputs("1000 entries", run_cuda_loss(large), run_loss(context, large), 74);
}

// Scores of rows that many pairs share: slots, lists that a warp sorts, one that the block sorts. Levels of a row for a warp and a block.
void check_rows(gavel_context *context) {
  const auto rows_of = [](uint64_t seed, int64_t classes, int64_t rows, int64_t pairs, int64_t hubs, bool matrix) {
    Random random(seed);
    LossProblem problem;
    problem.kind = GAVEL_LOSS_ORDINAL;
    problem.classes = classes;
    problem.scores = random_scores(random, rows * classes, 3);
    for (int64_t p = 0; p < pairs; ++p) {
      const int64_t hub = random.integer(0, hubs - 1), other = random.integer(hubs, rows - 1);
      const bool chosen = random.integer(0, 1) == 1;
      problem.pairs.insert(problem.pairs.end(), {chosen ? hub : other, chosen ? other : hub});
    }
    for (int64_t k = 0; matrix && k < classes * classes; ++k) {
      problem.admissible.push_back(random.integer(0, 2) == 0 ? 0 : static_cast<float>(random.uniform(0, 2)));
    }
    return problem;
  };
  for (const int64_t pairs : {15, 16, 17, 18}) check_as_cpu(context, rows_of(81, 5, 30, pairs, 1, false), 81);
  check_as_cpu(context, rows_of(82, 3, 40, 300, 6, true), 82);
  check_as_cpu(context, rows_of(83, 2, 300, 1100, 1, false), 83);
  check_as_cpu(context, rows_of(84, 33, 4, 5, 2, true), 84);
  check_as_cpu(context, rows_of(85, 64, 3, 4, 1, false), 85);
  const LossProblem wide = rows_of(86, 300, 3, 20, 1, false);
  check_same_outputs("300 levels", run_cuda_loss(wide), run_loss(context, wide), 86);
  check_schedules(rows_of(87, 5, 20, 60, 3, true), "rows");
}

void check_all_schedules() {
  const std::vector<int64_t> sizes = {3, 8, 20, 70, 1, 5, 33};
  check_schedules(groups_of(91, GAVEL_LOSS_PLACKETT_LUCE, sizes, true, false), "places");
  check_schedules(groups_of(92, GAVEL_LOSS_STEP_RANKING, sizes, true, false), "steps");
  check_schedules(groups_of(93, GAVEL_LOSS_PAIRWISE_RANKING, {3, 8, 20, 1, 5, 33}, true, true), "ranked pairs");
  for (const int32_t kind : kTargetKinds) {
    Random random(94);
    check_schedules(random_targets(random, kind, 300), "targets");
  }
  const std::vector<int64_t> block = {1100, 2};
  check_schedules(groups_of(95, GAVEL_LOSS_PLACKETT_LUCE, block, false, false), "places in a block");
  check_schedules(groups_of(96, GAVEL_LOSS_STEP_RANKING, block, false, false), "steps in a block");
}

LossProblem targets_of(int32_t kind, std::vector<float> scores, std::vector<float> targets) {
  return targets_problem(kind, std::move(scores), std::move(targets));
}

// Gaps of 1e4, NaN in front and elsewhere, infinities in every place, zeros of both signs.
void check_edges(gavel_context *context) {
  for (const int32_t kind : kTargetKinds) {
    check_as_cpu(context, targets_of(kind, {}, {}), 0);
    check_as_cpu(context, targets_of(kind, {1e4f, -1e4f, kNan, kInf, -kInf, -0.0f, 0, 2, 3}, {0, 1, 1, 0, 1, 0, 0, kNan, 1}),
                 0);
    check_as_cpu(context, targets_of(kind, {kNan, 2}, {kNan, kNan}), 0);
    LossProblem weightless = targets_of(kind, {1, 2}, {0, 1});
    weightless.reduction = GAVEL_REDUCTION_WEIGHTED_MEAN;
    weightless.weight.values = {0, 0};
    check_as_cpu(context, weightless, 0);
  }
  const std::vector<float> odd[] = {
      {1e4f, -1e4f, 0, 1e4f, -1e4f, 5}, {kNan, 1, 2, 3, 4, 5},      {1, 2, kNan, 3, 4, 5}, {kInf, 1, kInf, 2, -kInf, 0},
      {-kInf, -kInf, 1, 2, 3, 0},       {0, -0.0f, 0, -0.0f, 2, 2}, {1, 2, 3, 4, 5, kNan}, {-kInf, 3, 2, 1, kInf, 0}};
  for (const int32_t kind : kRankedKinds) {
    LossProblem empty = groups_of(1, kind, {0, 0}, false, false);
    check_as_cpu(context, empty, 0);
    // The same six scores as six groups of 6, in different orders, and once as the start of a group that a warp takes.
    LossProblem problem = groups_of(2, kind, {6, 6, 6, 6, 6, 6, 6, 6, 12}, false, kind != GAVEL_LOSS_PLACKETT_LUCE);
    size_t n = 0;
    for (const auto &scores : odd) {
      for (const float score : scores) problem.scores[n++] = score;
    }
    check_as_cpu(context, problem, 1);
    for (const auto &scores : odd) {
      LossProblem one = groups_of(3, kind, {40}, false, kind != GAVEL_LOSS_PLACKETT_LUCE);
      for (size_t k = 0; k < scores.size(); ++k) one.scores[k] = one.scores[k + 34] = scores[k];
      check_as_cpu(context, one, 2);
    }
  }
  LossProblem rows;
  rows.kind = GAVEL_LOSS_ORDINAL;
  rows.classes = 6;
  for (const auto &scores : odd) rows.scores.insert(rows.scores.end(), scores.begin(), scores.end());
  for (int64_t p = 0; p + 1 < 8; ++p) rows.pairs.insert(rows.pairs.end(), {p, p + 1, p + 1, p});
  check_as_cpu(context, rows, 3);
  rows.pairs.clear();
  check_as_cpu(context, rows, 4);
}

}  // namespace

int main() {
  const TestContext context(1);
  check_random(context.get());
  check_sizes(context.get());
  check_rows(context.get());
  check_all_schedules();
  check_edges(context.get());
  return finish();
}
