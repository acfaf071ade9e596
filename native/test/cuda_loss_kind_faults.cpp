// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What only the device can see to be wrong with targets, rankings, steps and rows: reported as what it is, NaN for its item and no other, and
// never followed. As cuda_loss_faults.cpp.
#include "cuda_loss_faults.h"
#include "loss_problem_kinds.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

LossProblem ranked(int32_t kind) {
  LossProblem problem;
  problem.kind = kind;
  problem.reduction = GAVEL_REDUCTION_SUM;
  problem.scores = {1, 2, 3, 4, 5, 6, 7};
  problem.offsets = {0, 2, 5, 7};
  if (kind == GAVEL_LOSS_STEP_RANKING) {
    problem.labels = {1, 0, 0, 1, 1, 0, 1};
  } else {
    problem.ranks = {2, 1, 3, 1, 2, 1, 2};
  }
  if (kind == GAVEL_LOSS_PLACKETT_LUCE) problem.temperature.scalar = 1;
  if (kind == GAVEL_LOSS_PAIRWISE_RANKING) problem.beta.scalar = 1;
  return problem;
}

void check_numbers() {
  LossProblem bce = targets_problem(GAVEL_LOSS_BCE, {1, 2, 3}, {0, 1, 0.5f});
  bce.reduction = GAVEL_REDUCTION_SUM;
  LossProblem pinball = targets_problem(GAVEL_LOSS_PINBALL, {1, 2, 3}, {0, 1, 5});
  pinball.reduction = GAVEL_REDUCTION_SUM;
  LossProblem rows;
  rows.kind = GAVEL_LOSS_ORDINAL;
  rows.classes = 2;
  rows.reduction = GAVEL_REDUCTION_SUM;
  for (int n = 0; n < 12; ++n) rows.scores.push_back(static_cast<float>(n % 5));
  rows.pairs = {0, 1, 2, 3, 4, 5};
  const LossProblem places = ranked(GAVEL_LOSS_PLACKETT_LUCE), pairs = ranked(GAVEL_LOSS_PAIRWISE_RANKING),
                    steps = ranked(GAVEL_LOSS_STEP_RANKING);
  const struct {
    const LossProblem &good;
    cuda::LossParameter which;
    LossNumber LossProblem::*number;
    std::vector<float> wrong;
    std::vector<size_t> scores;  // of item 1
  } cases[] = {
      {bce, cuda::kLossWeight, &LossProblem::weight, {-1, kNan, kInf}, {1}},
      {bce, cuda::kLossPositiveWeight, &LossProblem::positive_weight, {-1, kNan, kInf}, {1}},
      {pinball, cuda::kLossQuantile, &LossProblem::quantile, {0, 1, -1, kNan, 0x1p-127f}, {1}},
      {rows, cuda::kLossWeight, &LossProblem::weight, {-1, kNan, kInf}, {4, 5, 6, 7}},
      {places, cuda::kLossWeight, &LossProblem::weight, {-1, kNan, kInf}, {2, 3, 4}},
      {places, cuda::kLossTemperature, &LossProblem::temperature, {0, -1, kNan, kInf, 0x1p-127f}, {2, 3, 4}},
      {pairs, cuda::kLossWeight, &LossProblem::weight, {-1, kNan, kInf}, {2, 3, 4}},
      {pairs, cuda::kLossBeta, &LossProblem::beta, {0, -1, kNan, kInf, 0x1p-127f}, {2, 3, 4}},
      {steps, cuda::kLossWeight, &LossProblem::weight, {-1, kNan, kInf}, {2, 3, 4}},
      {steps, cuda::kLossZeta, &LossProblem::zeta, {kNan, kInf, -kInf}, {2, 3, 4}},
  };
  for (const auto &one : cases) {
    LossProblem good = one.good;
    (good.*one.number).values.assign(3, 0.5f);
    const LossOutputs without = run_cuda_loss(good);
    for (const float wrong : one.wrong) {
      LossProblem bad = good;
      (bad.*one.number).values[1] = wrong;
      const std::string what =
          "loss " + std::to_string(good.kind) + ", number " + std::to_string(one.which) + " = " + std::to_string(wrong);
      const CudaLossOutputs out =
          check_fault(what, bad, {cuda::kFaultLossParameter, 1, std::bit_cast<uint32_t>(wrong), one.which}, {1}, without);
      check_nan(what, out, one.scores, without);
    }
  }
}

void check_targets() {
  for (const int32_t kind : {GAVEL_LOSS_MSE, GAVEL_LOSS_BCE, GAVEL_LOSS_PINBALL}) {
    LossProblem good = targets_problem(kind, {1, 2, 3, 4}, {0, 1, 0.5f, kNan});
    good.reduction = GAVEL_REDUCTION_SUM;
    const LossOutputs without = run_cuda_loss(good);
    const bool probable = kind == GAVEL_LOSS_BCE;
    std::vector<float> wrong = {kInf, -kInf};
    if (probable) wrong.insert(wrong.end(), {-0.5f, 1.5f});
    for (const float target : wrong) {
      LossProblem bad = good;
      bad.targets[2] = target;
      const std::string what = "loss " + std::to_string(kind) + ", target " + std::to_string(target);
      const Expected expected = {probable ? cuda::kFaultProbability : cuda::kFaultTarget, 2, std::bit_cast<uint32_t>(target),
                                 4};
      check_nan(what, check_fault(what, bad, expected, {2}, without), {2}, without);
      // Of a masked score it is told, but nothing comes of it.
      bad.mask = {1, 1, 0, 1};
      LossProblem masked = good;
      masked.mask = bad.mask;
      check_fault(what + ", masked", bad, expected, {}, run_cuda_loss(masked));
    }
  }
}

void check_rankings() {
  const LossProblem places = ranked(GAVEL_LOSS_PLACKETT_LUCE), steps = ranked(GAVEL_LOSS_STEP_RANKING);
  const LossOutputs without_places = run_cuda_loss(places), without_steps = run_cuda_loss(steps);
  LossProblem tied = places;
  tied.ranks[4] = 3;
  check_nan("ranks", check_fault("ranks", tied, {cuda::kFaultTiedRanks, 1, 3, 4}, {1}, without_places), {2, 3, 4},
            without_places);
  // What is masked may have any rank and any label.
  tied.mask = {1, 1, 1, 1, 0, 1, 1};
  check_no_fault("masked rank", run_cuda_loss(tied), 0);
  LossProblem labelled = steps;
  labelled.labels[3] = 2;
  check_nan("label", check_fault("label", labelled, {cuda::kFaultLabel, 3, 2, 7}, {1}, without_steps), {2, 3, 4},
            without_steps);
  labelled.mask = {1, 1, 1, 0, 1, 1, 1};
  check_no_fault("masked label", run_cuda_loss(labelled), 0);
  // In a group that a warp takes.
  LossProblem many = places;
  many.offsets = {0, 0, 40};
  many.scores.assign(40, 1);
  many.ranks.resize(40);
  std::iota(many.ranks.begin(), many.ranks.end(), 1);
  many.ranks[30] = 5;
  const CudaLossOutputs out = run_cuda_loss(many);
  check_equal("kind", out.fault.kind, cuda::kFaultTiedRanks);
  check_equal("value", out.fault.value, 5);
  CHECK(std::isnan(out.item_loss[1]), "loss %g", static_cast<double>(out.item_loss[1]));

  // Offsets that overlap: nothing outside is touched, and every gradient is NaN.
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING, GAVEL_LOSS_STEP_RANKING}) {
    LossProblem bad = many;
    bad.kind = kind;
    bad.temperature.scalar = kind == GAVEL_LOSS_PLACKETT_LUCE ? 1.0f : 0.0f;
    bad.beta.scalar = kind == GAVEL_LOSS_PAIRWISE_RANKING ? 1.0f : 0.0f;
    std::iota(bad.ranks.begin(), bad.ranks.end(), 1);
    if (kind == GAVEL_LOSS_STEP_RANKING) {
      bad.ranks.clear();
      bad.labels.assign(40, 1);
    }
    for (const auto &[offsets, wrong] : std::vector<std::pair<std::vector<int64_t>, int64_t>>{
             {{0, 40, 30, 40}, 2}, {{0, 40, 37, 40}, 2}, {{0, 3, 10, kHuge}, 3}, {{-5, 3, 10, 40}, 0}, {{0, 3, 10, 39}, 3}}) {
      bad.offsets = offsets;
      const CudaLossOutputs broken = run_cuda_loss(bad);
      check_equal("offsets: kind", broken.fault.kind, cuda::kFaultOffsets);
      check_equal("offsets: item", broken.fault.item, wrong);
      CHECK(std::isnan(broken.loss[0]), "the loss is %g", static_cast<double>(broken.loss[0]));
      for (const float gradient : broken.dscore) CHECK(std::isnan(gradient), "a gradient is %g", static_cast<double>(gradient));
    }
  }
}

// More entries than PAIRWISE_RANKING takes on the device.
void check_group_size() {
  LossProblem large;
  large.kind = GAVEL_LOSS_PAIRWISE_RANKING;
  large.beta.scalar = 1;
  const int64_t most = cuda::PairwiseRanking::kMostEntries;
  large.scores.assign(static_cast<size_t>(most + 1), 1);
  large.ranks.assign(large.scores.size(), 1);
  large.ranks[7] = 2;
  large.offsets = {0, most + 1};
  const CudaLossOutputs out = run_cuda_loss(large);
  check_equal("size: kind", out.fault.kind, cuda::kFaultGroupSize);
  check_equal("size: value", out.fault.value, most + 1);
  check_equal("size: limit", out.fault.limit, most);
  CHECK(std::isnan(out.loss[0]), "the loss is %g", static_cast<double>(out.loss[0]));
}

void check_rows() {
  LossProblem good;
  good.kind = GAVEL_LOSS_ORDINAL;
  good.classes = 3;
  good.reduction = GAVEL_REDUCTION_SUM;
  for (int n = 0; n < 18; ++n) good.scores.push_back(static_cast<float>(n * 7 % 5));
  good.pairs = {0, 1, 2, 3, 4, 5};
  good.admissible = {1, 0, 0, 1, 1, 0, 0.5f, 1, 1};
  const LossOutputs without = run_cuda_loss(good);
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  for (const int64_t row : {int64_t{-1}, int64_t{6}, kHuge, -kHuge - 1, int64_t{1} << 32, (int64_t{1} << 32) / 3}) {
    for (const size_t side : {0u, 1u}) {
      LossProblem bad = good;
      bad.pairs[2 + side] = row;
      const std::string what = "pair with row " + std::to_string(row);
      const CudaLossOutputs out =
          check_fault(what, bad, {side == 0 ? cuda::kFaultRowChosen : cuda::kFaultRowRejected, 1, row, 6}, {1}, without);
      LossOutputs rest = without;
      for (size_t k = 0; k < 3; ++k) rest.dscore[3 * (2 + side) + k] = 0;  // the row the pair meant is in no pair now
      const size_t other = 3 * (side == 0 ? 3u : 2u);
      check_nan(what, out, {other, other + 1, other + 2}, rest);
    }
  }
  LossProblem itself = good;
  itself.pairs[4] = 5;
  check_fault("pair with itself", itself, {cuda::kFaultRowItself, 2, 5, 6}, {2}, without);
  for (const float wrong : {-1.0f, kNan, kInf}) {
    LossProblem bad = good;
    bad.admissible[5] = wrong;
    const std::string what = "admissible " + std::to_string(wrong);
    const CudaLossOutputs out =
        check_fault(what, bad, {cuda::kFaultAdmissible, 1, std::bit_cast<uint32_t>(wrong), 2}, {0, 1, 2}, without);
    for (const float gradient : out.dscore) CHECK(std::isnan(gradient), "a gradient is %g", static_cast<double>(gradient));
    // Told even where no pair uses it.
    bad.pairs.clear();
    check_equal("no pairs", run_cuda_loss(bad).fault.kind, cuda::kFaultAdmissible);
  }
  LossProblem nothing = good;
  nothing.admissible.assign(9, 0);
  check_fault("nothing admitted", nothing, {cuda::kFaultNothingAdmitted, 0, 0, 3}, {0, 1, 2}, without);
}

}  // namespace

int main() {
  check_numbers();
  check_targets();
  check_rankings();
  check_group_size();
  check_rows();
  return finish();
}
