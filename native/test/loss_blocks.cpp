// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Losses that go through the kernel tables in blocks have, on every instruction set and for any number of threads, the bits of the plain
// loop of common/loss.cpp: around every vector width and block size, whatever repeats, is masked, ties, overflows or is no number.
#include <algorithm>

#include "common/error.h"
#include "cpu/loss_run.h"
#include "plain_loss.h"

using namespace gavel::test;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kCounts[] = {0,  1,  2,  7,  8,  9,  15, 16, 17,  31,  32,  33,  47,  63,  64,
                               65, 66, 67, 68, 96, 97, 98, 99, 255, 256, 257, 511, 513, 1000};

LossProblem random_elements(Random &random, int32_t kind, int64_t n) {
  LossProblem problem;
  problem.kind = kind;
  problem.scores = random_scores(random, n, 3);
  const bool gaps = random.integer(0, 1) == 1;
  for (int64_t k = 0; k < n; ++k) {
    const double target = kind == GAVEL_LOSS_BCE ? random.uniform(0, 1) : random.uniform(-5, 5);
    const int64_t which = random.integer(0, 5);
    const double kept = which < 2 && kind == GAVEL_LOSS_BCE ? std::round(target) : target;
    problem.targets.push_back(which == 5 && gaps ? kNan : static_cast<float>(kept));
  }
  problem.weight = random_number(random, n, 0, 2);
  if (kind == GAVEL_LOSS_BCE) problem.positive_weight = random_number(random, n, 0, 4);
  if (kind == GAVEL_LOSS_PINBALL) problem.quantile = random_number(random, n, 0.01, 0.99);
  if (random.integer(0, 1) == 1) problem.mask = random_mask(random, n, 0.8);
  return problem;
}

void check_elements(const Contexts &contexts) {
  for (const int32_t kind : {GAVEL_LOSS_MSE, GAVEL_LOSS_BCE, GAVEL_LOSS_PINBALL}) {
    for (const int64_t n : kCounts) {
      for (uint64_t variant = 0; variant < 3; ++variant) {
        const uint64_t seed = static_cast<uint64_t>(kind) * 100000 + static_cast<uint64_t>(n) * 10 + variant;
        Random random(seed);
        LossProblem problem = random_elements(random, kind, n);
        set_reduction(random, problem);
        if (variant > 0) spoil(random, problem);
        check_blocks("elements", problem, contexts, seed);
      }
    }
  }
}

// Pairs as they lie in most data: scores 0 and 1, 2 and 3, ...; from `from` on, in rows of `row` pairs that name the same scores again.
LossProblem pairs_in_rows(Random &random, int64_t count, int64_t row, int64_t from) {
  LossProblem problem = pairs_problem(random_scores(random, 2 * std::max<int64_t>(count, 1) + from + 1, 3), {});
  for (int64_t p = 0; p < count; ++p) {
    const int64_t first = from + 2 * (p % row);
    problem.pairs.insert(problem.pairs.end(), {first, first + 1});
  }
  problem.margin = random_number(random, count, -2, 2);
  problem.label_smoothing.scalar = static_cast<float>(random.integer(0, 2)) / 2;
  return problem;
}

// All chosen scores, and `apart` further on all rejected ones, in rows of `row` pairs that name the same scores again: where `apart` is less
// than a row, some are both.
LossProblem pairs_apart(Random &random, int64_t count, int64_t apart, int64_t row) {
  LossProblem problem = pairs_problem(random_scores(random, count + apart + 1, 3), {});
  const bool exchanged = random.integer(0, 1) == 1;
  for (int64_t p = 0; p < count; ++p) {
    const int64_t first = p % row;
    problem.pairs.push_back(exchanged ? first + apart : first);
    problem.pairs.push_back(exchanged ? first : first + apart);
  }
  problem.beta = random_number(random, count, 0.5, 2);
  return problem;
}

void check_pairs(const Contexts &contexts) {
  for (const int64_t count : kCounts) {
    for (uint64_t variant = 0; variant < 12; ++variant) {
      const uint64_t seed = static_cast<uint64_t>(count) * 10 + variant;
      Random random(seed);
      // Many scores; few, each in many pairs; rows without and with repetition; a row with one number out of it.
      LossProblem problem = variant < 2    ? random_pairs(random, std::max<int64_t>(2 * count, 2), count)
                            : variant < 4  ? random_pairs(random, 3, count)
                            : variant < 6  ? pairs_in_rows(random, count, std::max<int64_t>(count, 1), variant % 2)
                            : variant < 8  ? pairs_in_rows(random, count, 256, variant % 2)
                            : variant < 10 ? pairs_apart(random, count, std::max<int64_t>(count, 2), count + 1)
                                           : pairs_apart(random, count, variant == 10 ? 256 : 3, 256);
      set_reduction(random, problem);
      if (variant % 2 == 1) spoil(random, problem);
      check_blocks("pairs", problem, contexts, seed);
    }
  }
}

// Groups of one size, or of every size up to one, beyond what fits a lane.
LossProblem groups_of(Random &random, int64_t count, int64_t size, bool ragged) {
  LossProblem problem = groups_problem({}, {0}, {});
  for (int64_t g = 0; g < count; ++g) {
    const int64_t here = ragged ? random.integer(2, size) : size;
    problem.offsets.push_back(problem.offsets.back() + here);
    problem.target_index.push_back(random.integer(0, here - 1));
  }
  problem.scores = random_scores(random, problem.offsets.back(), 3);
  problem.temperature = random_number(random, count, 0.3, 3);
  problem.weight = random_number(random, count, 0, 2);
  if (random.integer(0, 1) == 1) {
    problem.target_index.clear();
    for (const float score : problem.scores) problem.target_weights.push_back(score > 0 ? score : 0);
  }
  return problem;
}

void check_groups(const Contexts &contexts) {
  for (const int64_t count : {1, 7, 8, 15, 16, 17, 33, 255, 257}) {
    for (const int64_t size : {2, 3, 4, 5, 8, 13, 16, 31, 64, 65, 100, 255, 256, 257, 600}) {
      if (count * size > 5000) continue;
      for (uint64_t variant = 0; variant < 4; ++variant) {
        const uint64_t seed = static_cast<uint64_t>(count * 1000 + size * 10) + variant;
        Random random(seed);
        LossProblem problem = groups_of(random, count, size, variant % 2 == 1);
        set_reduction(random, problem);
        if (variant > 1) spoil(random, problem);
        // Equal largest scores: the first leads.
        if (variant == 3 && problem.scores.size() > 3) problem.scores[1] = problem.scores[0];
        check_blocks("groups", problem, contexts, seed);
      }
    }
    for (uint64_t seed = 0; seed < 6; ++seed) {
      Random random(seed);
      // With masks, and groups that are empty.
      LossProblem problem = random_groups(random, count, count < 20 && seed % 2 == 1 ? 700 : 12);
      set_reduction(random, problem);
      check_blocks("masked groups", problem, contexts, seed);
    }
  }
}

// Blocks that name a score twice must not run at once.
void check_disjoint() {
  const TestContext context;
  const auto disjoint = [&](const LossProblem &problem) {
    LossOutputs out;
    const gavel_loss_args args = loss_args(problem, out);
    gavel::CallTensors tensors(gavel::kHostMemory);
    gavel::LossPlan plan = gavel::check_loss(args, gavel::kAny, tensors);
    CHECK(gavel::kBradleyTerryBlocks.surely_right(plan, context.get()->cpu->kernels), "%lld pairs",
          static_cast<long long>(plan.items));
    return gavel::kBradleyTerryBlocks.disjoint(plan);
  };
  Random random(1);
  for (const int64_t count : {1, 255, 256, 257, 700}) {
    CHECK(disjoint(pairs_in_rows(random, count, count, 1)), "%lld pairs", static_cast<long long>(count));
    CHECK(disjoint(pairs_apart(random, count, count + 1, count)), "%lld pairs", static_cast<long long>(count));
    LossProblem problem = pairs_in_rows(random, count, count, 0);
    std::swap(problem.pairs.end()[-1], problem.pairs.end()[-2]);
    CHECK(count == 1 || !disjoint(problem), "%lld pairs, the last one of another row", static_cast<long long>(count));
  }
  CHECK(!disjoint(pairs_apart(random, 700, 256, 700)), "rejected scores of one block are chosen in the next");
  CHECK(!disjoint(pairs_apart(random, 700, 700, 256)), "the same row again");
  CHECK(!disjoint(pairs_in_rows(random, 700, 256, 0)), "the same row again");
  for (const size_t side : {0, 1}) {
    LossProblem problem = pairs_apart(random, 512, 600, 512);
    for (size_t p = 256; p < 512; ++p) problem.pairs[2 * p + side] -= 100;
    CHECK(!disjoint(problem), "the second block goes back on one side");
  }
}

// An index that turns wrong after it was checked is refused by the part that reads it, whichever thread has that.
void check_failure() {
  const TestContext context(4);
  gavel::CpuContext &cpu = *context.get()->cpu;
  cpu.pool.set_part_nanoseconds(1);
  for (const int64_t wrong : {int64_t{0}, int64_t{700}, int64_t{1999}}) {
    LossProblem problem = groups_problem(std::vector<float>(4000, 1.0f), {0}, {});
    for (int64_t g = 1; g <= 2000; ++g) problem.offsets.push_back(2 * g), problem.target_index.push_back(0);
    LossOutputs out;
    const gavel_loss_args args = loss_args(problem, out);
    gavel::CallTensors tensors(gavel::kHostMemory);
    gavel::LossPlan plan = gavel::check_loss(args, gavel::kAny, tensors);
    gavel::Workspace workspace(cpu.workspaces);
    gavel::prepare_loss(plan, cpu.kernels, workspace);
    problem.target_index[static_cast<size_t>(wrong)] = 2;
    bool refused = false;
    try {
      gavel::run_cpu_loss(plan, cpu, plan.scores, 1, workspace);
    } catch (const gavel::Failure &failure) {
      refused = failure.status() == GAVEL_INVALID_ARGUMENT;
    }
    CHECK(refused, "target %lld", static_cast<long long>(wrong));
  }
}

}  // namespace

int main() {
  const Contexts contexts = every_instruction_set();
  check_elements(contexts);
  check_pairs(contexts);
  check_groups(contexts);
  check_disjoint();
  check_failure();
  return finish();
}
