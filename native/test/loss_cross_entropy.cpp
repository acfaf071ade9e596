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
    const LossProblem problem = random_groups(random, random.integer(0, 12), seed % 10 == 0 ? 600 : 9);
    check_against_reference(context, problem, seed, largest);
    if (seed % 10 != 0) difference = std::fmax(difference, largest_difference(problem));
    if (seed % 20 == 0) check_everywhere(problem, seed);
  }
  report("CROSS_ENTROPY", largest);
  CHECK(difference <= 1e-7, "the reference's gradient is %g away from its central differences", difference);
}

// A group of two is a pair: same bits. Temperature 2^k is beta 2^-k.
void check_two_is_bradley_terry(gavel_context *context) {
  for (uint64_t seed = 500; seed < 560; ++seed) {
    Random random(seed);
    const int64_t count = random.integer(1, 40);
    LossProblem groups = groups_problem(random_scores(random, 2 * count, 10), {0}, {});
    LossProblem pairs = pairs_problem(groups.scores, {});
    for (int64_t g = 0; g < count; ++g) {
      const int64_t target = random.integer(0, 1);
      groups.offsets.push_back(2 * g + 2);
      groups.target_index.push_back(target);
      pairs.pairs.insert(pairs.pairs.end(), {2 * g + target, 2 * g + 1 - target});
    }
    pairs.weight = groups.weight = random_number(random, count, 0, 3);
    groups.temperature.scalar = std::ldexp(1.0f, static_cast<int>(seed % 5) - 2);
    pairs.beta.scalar = 1 / groups.temperature.scalar;
    pairs.reduction = groups.reduction = static_cast<int32_t>(seed % 3) + 1;
    const LossOutputs actual = run_loss(context, groups);
    check_same_outputs("groups of two", actual, run_loss(context, pairs), seed);
    // One-hot targets as weights are the same loss.
    groups.target_weights.assign(groups.scores.size(), 0);
    for (int64_t g = 0; g < count; ++g) {
      groups.target_weights[static_cast<size_t>(2 * g + groups.target_index[static_cast<size_t>(g)])] = 1;
    }
    groups.target_index.clear();
    check_same_outputs("one-hot weights", run_loss(context, groups), actual, seed);
  }
}

void check_identities(gavel_context *context) {
  for (uint64_t seed = 600; seed < 660; ++seed) {
    Random random(seed);
    LossProblem problem = random_groups(random, 8, 40);
    problem.reduction = GAVEL_REDUCTION_SUM;
    LossOutputs out = run_loss(context, problem);
    if (problem.target_weights.empty()) {
      // Soft targets near p cancel in f32, whose rounding of each part then outweighs the sum of what is left: bounded in check_random.
      for (size_t g = 0; g + 1 < problem.offsets.size(); ++g) {
        double sum = 0, magnitude = 0;
        for (int64_t n = problem.offsets[g]; n < problem.offsets[g + 1]; ++n) {
          sum += as_double(out.dscore[static_cast<size_t>(n)]);
          magnitude += std::fabs(as_double(out.dscore[static_cast<size_t>(n)]));
        }
        CHECK(std::fabs(sum) <= 4 * 0x1p-24 * magnitude, "group %zu: gradients add up to %g of %g, seed %d", g, sum, magnitude,
              static_cast<int>(seed));
      }
    }
    // Scores on a grid of 2^-10: adding 8 is exact, so the shift may not change a bit.
    for (float &s : problem.scores) s = std::round(s * 1024) / 1024;
    out = run_loss(context, problem);
    for (float &s : problem.scores) s += 8;
    check_same_outputs("shifted scores", run_loss(context, problem), out, seed);
  }
}

// Masked entries are as if they were not there, wherever they are in their group, whatever their score is.
void check_masked(gavel_context *context) {
  for (uint64_t seed = 700; seed < 760; ++seed) {
    Random random(seed);
    const LossProblem kept = [&] {
      LossProblem p = random_groups(random, 10, 12);
      while (!p.mask.empty()) p = random_groups(random, 10, 12);
      return p;
    }();
    LossProblem padded = kept;
    padded.scores.clear(), padded.target_weights.clear(), padded.offsets = {0};
    std::vector<size_t> where(kept.scores.size());
    for (size_t g = 0; g + 1 < kept.offsets.size(); ++g) {
      for (int64_t n = kept.offsets[g]; n <= kept.offsets[g + 1]; ++n) {
        for (int64_t extra = random.integer(0, 2); extra > 0; --extra) {
          padded.scores.push_back(random.integer(0, 1) == 0 ? kNan : 100.0f);
          padded.mask.push_back(0);
          if (!kept.target_weights.empty()) padded.target_weights.push_back(0);
        }
        if (n == kept.offsets[g + 1]) break;
        const auto index = static_cast<size_t>(n);
        if (!kept.target_index.empty() && n - kept.offsets[g] == kept.target_index[g]) {
          padded.target_index[g] = static_cast<int64_t>(padded.scores.size()) - padded.offsets[g];
        }
        where[index] = padded.scores.size();
        padded.scores.push_back(kept.scores[index]);
        padded.mask.push_back(1);
        if (!kept.target_weights.empty()) padded.target_weights.push_back(kept.target_weights[index]);
      }
      padded.offsets.push_back(static_cast<int64_t>(padded.scores.size()));
    }
    if (padded.mask.empty()) continue;
    const LossOutputs masked = run_loss(context, padded);
    LossOutputs removed = run_loss(context, kept);
    std::vector<float> dscore(padded.scores.size(), 0);
    for (size_t n = 0; n < where.size(); ++n) dscore[where[n]] = removed.dscore[n];
    removed.dscore = dscore;
    check_same_outputs("masked = removed", masked, removed, seed);
  }
}

void check_edges(gavel_context *context) {
  // Empty, one entry, all masked, one valid left, and one that counts.
  LossProblem ragged = groups_problem({7, 1, 2, 3, 4, 5, 6}, {0, 0, 1, 3, 5, 7}, {-1, 0, 99, 0, 1});
  ragged.mask = {1, 0, 0, 1, 0, 1, 1};
  LossOutputs out = run_loss(context, ragged);
  check_equal("valid groups", out.counts[0], 1);
  check_equal("skipped groups", out.counts[1], 4);
  for (size_t g = 0; g < 4; ++g) CHECK(std::bit_cast<uint32_t>(out.item_loss[g]) == 0, "group %zu", g);
  for (size_t n = 0; n < 5; ++n) CHECK(std::bit_cast<uint32_t>(out.dscore[n]) == 0, "score %zu", n);
  CHECK(std::fabs(as_double(out.loss[0]) - std::log1p(std::exp(-1.0))) < 1e-7, "the mean is over the one that counts");

  // Equal scores: log n, and gradients 1/n - t.
  LossProblem equal = groups_problem({5, 5, 5, 5}, {0, 4}, {2});
  out = run_loss(context, equal);
  CHECK(std::fabs(as_double(out.loss[0]) - std::log(4.0)) < 2e-7, "log 4");
  CHECK(out.dscore[0] == 0.25f && out.dscore[2] == -0.75f && out.dscore[3] == 0.25f, "gradients at equal scores");

  LossProblem wide = groups_problem({1e4f, 0, -1e4f, 1e4f, 0, -1e4f}, {0, 3, 6}, {0, 2});
  wide.reduction = GAVEL_REDUCTION_SUM;
  out = run_loss(context, wide);
  CHECK(out.item_loss[0] == 0 && out.item_loss[1] == 2e4f, "losses at gaps of 1e4: %g, %g", as_double(out.item_loss[0]),
        as_double(out.item_loss[1]));
  CHECK(out.dscore[0] == 0 && out.dscore[3] == 1 && out.dscore[4] == 0 && out.dscore[5] == -1, "gradients at gaps of 1e4");

  // A gradient far below one rounding of 1 keeps its digits.
  LossProblem sure = groups_problem({30, 0}, {0, 2}, {0});
  out = run_loss(context, sure);
  const double tiny = std::exp(-30.0) / (1 + std::exp(-30.0));
  CHECK(std::fabs(as_double(out.dscore[0]) + tiny) < 1e-6 * tiny && std::fabs(as_double(out.dscore[1]) - tiny) < 1e-6 * tiny,
        "gradients %g, %g, expected %g", as_double(out.dscore[0]), as_double(out.dscore[1]), tiny);

  LossProblem infinite = groups_problem({kInf, 0, kInf, 0, -kInf, 0, -kInf, -kInf}, {0, 2, 4, 6, 8}, {0, 1, 0, 0});
  infinite.reduction = GAVEL_REDUCTION_SUM;
  out = run_loss(context, infinite);
  CHECK(out.item_loss[0] == 0 && out.item_loss[1] == kInf && out.item_loss[2] == kInf && std::isnan(out.item_loss[3]),
        "losses with infinite scores: %g %g %g %g", as_double(out.item_loss[0]), as_double(out.item_loss[1]),
        as_double(out.item_loss[2]), as_double(out.item_loss[3]));
  CHECK(out.dscore[4] == -1 && out.dscore[5] == 1, "a target at -inf pulls with all its weight");

  // NaN at any place of a group spoils that group, all of it, and no other; even where no target is on it.
  for (size_t place = 0; place < 3; ++place) {
    LossProblem nan = groups_problem({1, 2, 3, 1, 2, 3}, {0, 3, 6}, {1, 1});
    nan.scores[place] = kNan;
    for (const bool soft : {false, true}) {
      if (soft) nan.target_weights = {0, 0, 0, 0, 1, 0};
      out = run_loss(context, nan);
      CHECK(std::isnan(out.item_loss[0]) && !std::isnan(out.item_loss[1]) && std::isnan(out.loss[0]), "place %zu, soft %d",
            place, soft);
      for (size_t n = 0; n < 6; ++n)
        CHECK(std::isnan(out.dscore[n]) == (n < 3), "gradient %zu, place %zu, soft %d", n, place, soft);
    }
  }

  for (const LossProblem &empty : {groups_problem({}, {0}, {}), groups_problem({}, {0, 0}, {0})}) {
    out = run_loss(context, empty);
    CHECK(out.loss[0] == 0 && out.counts[0] == 0, "without a valid group the mean is 0");
  }
}

}  // namespace

int main() {
  const TestContext context;
  check_random(context.get());
  check_two_is_bradley_terry(context.get());
  check_identities(context.get());
  check_masked(context.get());
  check_edges(context.get());
  return finish();
}
