// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PLACKETT_LUCE, PAIRWISE_RANKING, STEP_RANKING and ORDINAL in blocks have, on every instruction set and for any number of threads, the bits of
// the plain loop of common/loss.cpp: around every number of lanes, whatever is masked, tied, overflows or is no number.
#include <algorithm>

#include "common/error.h"
#include "cpu/loss_run.h"
#include "loss_problem_kinds.h"
#include "plain_loss.h"

using namespace gavel::test;

namespace {

constexpr int32_t kRankings[] = {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING, GAVEL_LOSS_STEP_RANKING};

// Whole groups of one size, or of every size from `least` up.
LossProblem ranked(Random &random, int32_t kind, int64_t count, int64_t least, int64_t size) {
  LossProblem problem;
  problem.kind = kind;
  problem.offsets = {0};
  for (int64_t g = 0; g < count; ++g) {
    const int64_t here = random.integer(least, size);
    problem.offsets.push_back(problem.offsets.back() + here);
    const std::vector<int64_t> ranks =
        random_ranks(random, here, kind == GAVEL_LOSS_PAIRWISE_RANKING && random.integer(0, 2) == 0);
    problem.ranks.insert(problem.ranks.end(), ranks.begin(), ranks.end());
  }
  const int64_t n = problem.offsets.back();
  problem.scores = random_scores(random, n, 3);
  problem.weight = random_number(random, count, 0, 2);
  if (kind == GAVEL_LOSS_PLACKETT_LUCE) {
    problem.temperature = random_number(random, count, 0.3, 3);
    problem.top_k = random.integer(0, 1) * random.integer(1, size);
  } else if (kind == GAVEL_LOSS_PAIRWISE_RANKING) {
    problem.beta = random_number(random, count, 0.2, 3);
  } else {
    problem.ranks.clear();
    const double share = random.uniform(0, 1);
    for (int64_t k = 0; k < n; ++k) problem.labels.push_back(random.uniform(0, 1) < share ? 1 : 0);
    problem.zeta = random_number(random, count, -1, 5);
  }
  return problem;
}

// Ranks that no float holds, or that are far apart in 64 bits.
void spread(Random &random, LossProblem &problem) {
  const int64_t way = random.integer(0, 4);
  for (int64_t &rank : problem.ranks) {
    if (way == 0) rank = -rank * 63;
    if (way == 1) rank = (rank - 3) * (int64_t{1} << 40);
    if (way == 2) rank += int64_t{1} << 60;
    if (way == 3) rank = rank / 2 + rank % 2 * (int64_t{1} << 25);
    if (way == 4) rank = rank % 2 == 0 ? INT64_MIN + rank : INT64_MAX - rank;
  }
}

void check_groups(const Contexts &contexts) {
  for (const int32_t kind : kRankings) {
    for (const int64_t count : {1, 3, 4, 5, 15, 16, 17, 31, 33, 255, 257, 600}) {
      for (const int64_t size : {2, 3, 4, 5, 8, 13, 32, 63, 64, 65, 257, 300}) {
        const int64_t work = kind == GAVEL_LOSS_PAIRWISE_RANKING ? count * size * size : count * size;
        if (work > (kind == GAVEL_LOSS_PAIRWISE_RANKING ? 100000 : 40000)) continue;
        for (uint64_t variant = 0; variant < 6; ++variant) {
          const uint64_t seed = static_cast<uint64_t>(kind * 10000000 + count * 10000 + size * 10) + variant;
          Random random(seed);
          const int64_t least = kind == GAVEL_LOSS_STEP_RANKING ? 1 : 2;
          LossProblem problem = ranked(random, kind, count, variant % 2 == 0 ? size : least, size);
          set_reduction(random, problem);
          if (variant / 2 == 1) spoil(random, problem);
          if (variant / 2 == 2) spread(random, problem);
          check_blocks("rankings", problem, contexts, seed);
        }
      }
    }
    // With masks, groups that are empty, and some that have nothing to rank.
    for (const int64_t count : {4, 17, 40, 300}) {
      for (uint64_t seed = 0; seed < 12; ++seed) {
        Random random(seed);
        LossProblem problem = random_ranked(random, kind, count, count < 20 && seed % 4 == 1 ? 90 : 12);
        set_reduction(random, problem);
        if (seed % 3 == 0) spoil(random, problem);
        check_blocks("masked rankings", problem, contexts, seed);
      }
    }
  }
}

// Pairs of rows that share none: neighbours, or all chosen ones in front.
void set_row(LossProblem &problem, int64_t count, bool neighbours) {
  problem.pairs.clear();
  problem.weight = {1, {}};
  for (int64_t p = 0; p < count; ++p) {
    problem.pairs.push_back(neighbours ? 2 * p + 1 : p);
    problem.pairs.push_back(neighbours ? 2 * p : p + count);
  }
}

void check_levels(const Contexts &contexts) {
  for (const int64_t count : {1, 3, 4, 5, 15, 16, 17, 33, 255, 257, 600}) {
    for (uint64_t variant = 0; variant < 12; ++variant) {
      const uint64_t seed = static_cast<uint64_t>(count) * 100 + variant;
      Random random(seed);
      // Many rows, or few, each in many pairs.
      LossProblem problem = random_ordinal(random, variant % 2 == 0 ? 2 * count : 3, count);
      set_reduction(random, problem);
      if (variant % 4 == 0) set_row(problem, count, variant % 8 == 0);
      if (variant % 3 == 0) spoil(random, problem);
      check_blocks("levels", problem, contexts, seed);
    }
  }
  for (const int64_t classes : {63, 64, 65}) {
    Random random(static_cast<uint64_t>(classes));
    LossProblem problem = random_ordinal(random, 8, 9);
    problem.classes = classes;
    problem.scores = random_scores(random, 8 * classes, 3);
    problem.mask.clear();
    problem.admissible.clear();
    spoil(random, problem);
    check_blocks("levels", problem, contexts, static_cast<uint64_t>(classes));
  }
}

// Blocks that name a row twice must not run at once.
void check_disjoint() {
  const auto disjoint = [](const LossProblem &problem) {
    LossOutputs out;
    const gavel_loss_args args = loss_args(problem, out);
    gavel::CallTensors tensors(gavel::kHostMemory);
    return gavel::kOrdinalBlocks.disjoint(gavel::check_loss(args, gavel::kAny, tensors));
  };
  Random random(1);
  for (const int64_t count : {1, 2, 255, 256, 257, 700}) {
    for (const bool neighbours : {false, true}) {
      LossProblem problem = random_ordinal(random, 2 * count + 2, 1);
      set_row(problem, count, neighbours);
      CHECK(disjoint(problem), "%lld pairs", static_cast<long long>(count));
      for (const int64_t side : {0, 1}) {
        LossProblem other = problem;
        other.pairs[static_cast<size_t>(2 * (count - 1) + side)] += 2;
        CHECK(count == 1 || !disjoint(other), "%lld pairs, the last one of another row", static_cast<long long>(count));
      }
    }
    LossProblem problem = random_ordinal(random, count + 3, 1);
    set_row(problem, 0, true);
    for (int64_t p = 0; p < count; ++p) problem.pairs.insert(problem.pairs.end(), {p, p + 2});
    CHECK(count <= 2 || !disjoint(problem), "rejected rows are chosen further on");
    for (int64_t p = 0; p < count; ++p) problem.pairs[static_cast<size_t>(2 * p + 1)] = p + 1;
    CHECK(count == 1 || !disjoint(problem), "rejected rows are chosen next");
    problem = random_ordinal(random, 2 * count + 1, 1);
    set_row(problem, count, true);
    for (int64_t p = 0; p < count; ++p) problem.pairs[static_cast<size_t>(2 * p)] = 2 * p + 2;
    CHECK(count <= 2 || !disjoint(problem), "each row is chosen and rejected");
  }
}

// One wrong value among many items is refused with the words of the plain loop.
void check_refused(const Contexts &contexts, const char *what, const LossProblem &problem) {
  std::string expected;
  try {
    plain_loss(problem);
  } catch (const gavel::Failure &failure) {
    expected = failure.what();
  }
  CHECK(!expected.empty(), "%s: the plain loop took it", what);
  for (const auto &context : contexts) {
    LossOutputs out;
    const gavel_loss_args args = loss_args(problem, out);
    auto error = sized<gavel_error>();
    const int32_t status = gavel_loss(context->get(), &args, &error);
    CHECK(status == GAVEL_INVALID_ARGUMENT && expected == error.message, "%s: status %d, %s; expected %s", what, status,
          error.message, expected.c_str());
  }
}

void check_refusals(const Contexts &contexts) {
  Random random(5);
  for (const size_t wrong : {0, 150, 299}) {
    for (const int32_t kind : kRankings) {
      LossProblem problem = ranked(random, kind, 300, 3, 3);
      problem.offsets[wrong + 1] -= 4;
      check_refused(contexts, "offsets that fall", problem);
      problem.offsets[wrong + 1] += 1000;
      check_refused(contexts, "offsets that lead outside", problem);
      problem = ranked(random, kind, 300, 3, 3);
      problem.offsets.pop_back();
      const float one = 1;
      problem.weight = {one, {}}, problem.zeta = {};
      problem.beta = {kind == GAVEL_LOSS_PAIRWISE_RANKING ? one : 0, {}};
      problem.temperature = {kind == GAVEL_LOSS_PLACKETT_LUCE ? one : 0, {}};
      check_refused(contexts, "offsets that end early", problem);
    }
    LossProblem places = ranked(random, GAVEL_LOSS_PLACKETT_LUCE, 300, 3, 3);
    places.ranks[3 * wrong] = places.ranks[3 * wrong + 2];
    check_refused(contexts, "tied places", places);
    spread(random, places);
    check_refused(contexts, "tied places, far apart", places);
    LossProblem steps = ranked(random, GAVEL_LOSS_STEP_RANKING, 300, 3, 3);
    steps.labels[3 * wrong + 1] = 2;
    check_refused(contexts, "a label that is none", steps);
    for (const int64_t row : {int64_t{-1}, int64_t{600}, INT64_MAX, INT64_MIN}) {
      for (const size_t side : {0, 1}) {
        LossProblem levels = random_ordinal(random, 600, 1);
        set_row(levels, 300, true);
        levels.pairs[2 * wrong + side] = row;
        check_refused(contexts, "a row that is none", levels);
      }
    }
    LossProblem levels = random_ordinal(random, 600, 1);
    set_row(levels, 300, false);
    levels.pairs[2 * wrong] = levels.pairs[2 * wrong + 1];
    check_refused(contexts, "a row with itself", levels);
    levels = random_ordinal(random, 600, 1);
    set_row(levels, 300, false);
    levels.admissible.assign(static_cast<size_t>(levels.classes * levels.classes), 1);
    levels.admissible[1] = -1;
    check_refused(contexts, "a matrix with a negative value", levels);
  }
}

}  // namespace

int main() {
  const Contexts contexts = every_instruction_set();
  check_groups(contexts);
  check_levels(contexts);
  check_disjoint();
  check_refusals(contexts);
  return finish();
}
