// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Identities of the losses over rankings, steps and levels, which hold whatever the scores: a common shift changes nothing, gradients add up
// to nothing, masking is removing, and two losses that are the same formula give the same. Those of BRADLEY_TERRY and CROSS_ENTROPY
// are beside their other tests.
#include <bit>
#include <cmath>

#include "loss_checks.h"
#include "loss_problem_kinds.h"

using namespace gavel::test;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Gradients that add up to nothing, of scores first .. last - 1: each is a sum of at most `parts` numbers up to 1, rounded one by one.
void check_balance(const char *what, const LossOutputs &out, size_t first, size_t last, double parts, uint64_t seed) {
  double sum = 0;
  for (size_t n = first; n < last; ++n) sum += static_cast<double>(out.dscore[n]);
  CHECK(std::fabs(sum) <= 4 * 0x1p-24 * parts * static_cast<double>(last - first),
        "%s: gradients of %zu.. add up to %g, seed %d", what, first, sum, static_cast<int>(seed));
}

void check_shift(gavel_context *context, const char *what, LossProblem problem, uint64_t seed) {
  // On a grid of 2^-10 adding 8 is exact, so the shift may not change a bit.
  for (float &s : problem.scores) s = std::round(s * 1024) / 1024;
  const LossOutputs out = run_loss(context, problem);
  for (float &s : problem.scores) s += 8;
  check_same_outputs(std::string(what) + ", shifted", run_loss(context, problem), out, seed);
}

void check_shifts_and_sums(gavel_context *context) {
  for (uint64_t seed = 900; seed < 940; ++seed) {
    Random random(seed);
    for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING}) {
      const char *what = kind == GAVEL_LOSS_PLACKETT_LUCE ? "PLACKETT_LUCE" : "PAIRWISE_RANKING";
      LossProblem problem = random_ranked(random, kind, 8, 12);
      problem.weight = LossNumber{1, {}};
      if (kind == GAVEL_LOSS_PLACKETT_LUCE) problem.temperature = LossNumber{1, {}};
      if (kind == GAVEL_LOSS_PAIRWISE_RANKING) problem.beta = LossNumber{1, {}};
      problem.reduction = GAVEL_REDUCTION_SUM;
      check_shift(context, what, problem, seed);
      const LossOutputs out = run_loss(context, problem);
      for (size_t g = 0; g + 1 < problem.offsets.size(); ++g) {
        const auto first = static_cast<size_t>(problem.offsets[g]), last = static_cast<size_t>(problem.offsets[g + 1]);
        check_balance(what, out, first, last, static_cast<double>(last - first), seed);
      }
    }
    LossProblem levels = random_ordinal(random, 2, 1);
    levels.weight = LossNumber{1, {}};
    check_shift(context, "ORDINAL", levels, seed);
    const LossOutputs out = run_loss(context, levels);
    for (size_t row = 0; row < 2; ++row) {
      const auto width = static_cast<size_t>(levels.classes);
      check_balance("ORDINAL", out, row * width, (row + 1) * width, static_cast<double>(width), seed);
    }
  }
}

// Entries that are masked, at random places of their groups and with any score, are as if they were not there.
void check_masked_is_removed(gavel_context *context, int32_t kind) {
  for (uint64_t seed = 1000; seed < 1030; ++seed) {
    Random random(seed);
    LossProblem kept = random_ranked(random, kind, 10, 12);
    kept.mask.clear();
    LossProblem padded = kept;
    padded.scores.clear(), padded.ranks.clear(), padded.labels.clear(), padded.offsets = {0};
    std::vector<size_t> where(kept.scores.size());
    for (size_t g = 0; g + 1 < kept.offsets.size(); ++g) {
      for (int64_t n = kept.offsets[g]; n <= kept.offsets[g + 1]; ++n) {
        for (int64_t extra = random.integer(0, 2); extra > 0; --extra) {
          padded.scores.push_back(random.integer(0, 1) == 0 ? kNan : 100.0f);
          padded.mask.push_back(0);
          if (!kept.ranks.empty()) padded.ranks.push_back(1);
          if (!kept.labels.empty()) padded.labels.push_back(1);
        }
        if (n == kept.offsets[g + 1]) break;
        const auto index = static_cast<size_t>(n);
        where[index] = padded.scores.size();
        padded.scores.push_back(kept.scores[index]);
        padded.mask.push_back(1);
        if (!kept.ranks.empty()) padded.ranks.push_back(kept.ranks[index]);
        if (!kept.labels.empty()) padded.labels.push_back(kept.labels[index]);
      }
      padded.offsets.push_back(static_cast<int64_t>(padded.scores.size()));
    }
    LossOutputs removed = run_loss(context, kept);
    std::vector<float> dscore(padded.scores.size(), 0);
    for (size_t n = 0; n < where.size(); ++n) dscore[where[n]] = removed.dscore[n];
    removed.dscore = dscore;
    check_same_outputs("masked = removed, kind " + std::to_string(kind), run_loss(context, padded), removed, seed);
  }
}

// Two classes of a step are one logit, their difference: hard labels give the bits of BCE, soft ones the same number.
void check_two_classes_are_one_logit(gavel_context *context) {
  for (uint64_t seed = 1100; seed < 1130; ++seed) {
    Random random(seed);
    const bool soft = seed % 2 == 0;
    const int64_t count = random.integer(1, 40);
    LossProblem classes = groups_problem(random_scores(random, 2 * count, 8), {0}, {});
    LossProblem logits = targets_problem(GAVEL_LOSS_BCE, {}, {});
    for (int64_t g = 0; g < count; ++g) {
      classes.offsets.push_back(2 * g + 2);
      const float target = soft ? static_cast<float>(random.integer(0, 16)) / 16 : static_cast<float>(random.integer(0, 1));
      if (soft) {
        classes.target_weights.insert(classes.target_weights.end(), {1 - target, target});
      } else {
        classes.target_index.push_back(static_cast<int64_t>(target));
      }
      logits.targets.push_back(target);
      logits.scores.push_back(classes.scores[static_cast<size_t>(2 * g + 1)] - classes.scores[static_cast<size_t>(2 * g)]);
    }
    const LossOutputs pairs = run_loss(context, classes), single = run_loss(context, logits);
    for (size_t g = 0; g < single.dscore.size(); ++g) {
      const double z = std::fabs(static_cast<double>(logits.scores[g]));
      const auto near = [&](const char *what, float actual, float expected, double size) {
        const bool same = soft ? std::fabs(static_cast<double>(actual) - static_cast<double>(expected)) <= 8 * 0x1p-24 * size
                               : std::bit_cast<uint32_t>(actual) == std::bit_cast<uint32_t>(expected);
        CHECK(same, "%s of step %zu: %a of two classes, %a of the logit, seed %d", what, g, static_cast<double>(actual),
              static_cast<double>(expected), static_cast<int>(seed));
      };
      near("item_loss", pairs.item_loss[g], single.item_loss[g], 1 + z);
      near("dscore", pairs.dscore[2 * g + 1], single.dscore[g], 1);
      CHECK(pairs.dscore[2 * g] == -pairs.dscore[2 * g + 1], "step %zu: the two gradients are opposite", g);
    }
  }
}

// OPRM: the chosen level above the rejected one, which is what an absent mask means. Gaps of 10 000 are finite.
void check_levels(gavel_context *context) {
  for (uint64_t seed = 1200; seed < 1220; ++seed) {
    Random random(seed);
    LossProblem absent = random_ordinal(random, 6, 9);
    absent.admissible.clear();
    LossProblem triangle = absent;
    for (int64_t a = 0; a < absent.classes; ++a) {
      for (int64_t b = 0; b < absent.classes; ++b) triangle.admissible.push_back(a > b ? 1 : 0);
    }
    check_same_outputs("ORDINAL, strict triangle", run_loss(context, triangle), run_loss(context, absent), seed);
  }
  LossProblem problem;
  problem.kind = GAVEL_LOSS_ORDINAL;
  problem.classes = 3;
  problem.pairs = {0, 1};
  problem.scores = {1e4f, 0, -1e4f, -1e4f, 0, 1e4f};
  LossOutputs out = run_loss(context, problem);
  CHECK(std::fabs(static_cast<double>(out.loss[0]) - (3e4 - std::log(2.0))) < 0.01, "%g", static_cast<double>(out.loss[0]));
  CHECK(out.dscore[0] == 1 && out.dscore[5] == 1, "%g %g", static_cast<double>(out.dscore[0]),
        static_cast<double>(out.dscore[5]));
  problem.pairs = {1, 0};
  out = run_loss(context, problem);
  CHECK(out.loss[0] == 0, "%g", static_cast<double>(out.loss[0]));
  for (const float d : out.dscore) CHECK(d == 0, "%g", static_cast<double>(d));
}

}  // namespace

int main() {
  const TestContext context;
  check_shifts_and_sums(context.get());
  for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING, GAVEL_LOSS_STEP_RANKING}) {
    check_masked_is_removed(context.get(), kind);
  }
  check_two_classes_are_one_logit(context.get());
  check_levels(context.get());
  return finish();
}
