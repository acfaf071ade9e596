// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Values that only the device can see to be wrong: each is reported as what it is, makes its item's results NaN and no other's, and is
// never followed. The emulator's sentinels (and AddressSanitizer) see any access outside.
#include "cuda_loss_faults.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

void check_pairs() {
  LossProblem good = pairs_problem({1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5});
  good.reduction = GAVEL_REDUCTION_SUM;
  const LossOutputs without = run_cuda_loss(good);
  for (const int64_t index : {int64_t{-1}, int64_t{6}, kHuge, -kHuge - 1, int64_t{1} << 32}) {
    for (const size_t side : {0u, 1u}) {
      LossProblem bad = good;
      bad.pairs[2 + side] = index;
      const std::string what = "pair with score " + std::to_string(index);
      const CudaLossOutputs out =
          check_fault(what, bad, {side == 0 ? cuda::kFaultPairChosen : cuda::kFaultPairRejected, 1, index, 6}, {1}, without);
      check_nan(what, out, {side == 0 ? 3u : 2u}, [&] {
        LossOutputs rest = without;
        rest.dscore[2 + side] = 0;  // the score the pair meant is in no pair now
        return rest;
      }());
    }
  }
  LossProblem itself = good;
  itself.pairs[4] = 5;
  CudaLossOutputs out = check_fault("pair with itself", itself, {cuda::kFaultPairItself, 2, 5, 6}, {2}, without);
  LossOutputs rest = without;
  rest.dscore[4] = 0;
  check_nan("pair with itself", out, {5}, rest);
  // A masked pair is skipped, but what is wrong with it is still told.
  LossProblem masked = good;
  masked.mask = {1, 1, 0, 1, 1, 1};
  LossOutputs skipped = run_cuda_loss(masked);
  masked.pairs[3] = 77;
  out = check_fault("masked pair", masked, {cuda::kFaultPairRejected, 1, 77, 6}, {}, skipped);
}

void check_numbers() {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  LossProblem pairs = pairs_problem({1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5});
  pairs.reduction = GAVEL_REDUCTION_SUM;
  pairs.tie_mask = {0, 0, 0};
  LossProblem groups = groups_problem({1, 2, 3, 4, 5, 6}, {0, 2, 4, 6}, {0, 1, 0});
  groups.reduction = GAVEL_REDUCTION_SUM;
  const struct {
    cuda::LossParameter which;
    LossNumber LossProblem::*number;
    std::vector<float> wrong;
    bool of_groups;
  } cases[] = {
      {cuda::kLossWeight, &LossProblem::weight, {-1, nan, inf}, false},
      {cuda::kLossBeta, &LossProblem::beta, {0, -1, nan, inf, 0x1p-127f}, false},
      {cuda::kLossMargin, &LossProblem::margin, {nan, inf, -inf}, false},
      {cuda::kLossLabelSmoothing, &LossProblem::label_smoothing, {-0.5f, 1.5f, nan}, false},
      {cuda::kLossCenter, &LossProblem::center, {-1, nan, inf}, false},
      {cuda::kLossTie, &LossProblem::tie, {-1, nan, inf}, false},
      {cuda::kLossWeight, &LossProblem::weight, {-1, nan, inf}, true},
      {cuda::kLossTemperature, &LossProblem::temperature, {0, -1, nan, inf, 0x1p-127f}, true},
  };
  for (const auto &one : cases) {
    LossProblem good = one.of_groups ? groups : pairs;
    (good.*one.number).values.assign(3, 1);
    const LossOutputs without = run_cuda_loss(good);
    for (const float wrong : one.wrong) {
      LossProblem bad = good;
      (bad.*one.number).values[1] = wrong;
      const std::string what = "number " + std::to_string(one.which) + " = " + std::to_string(wrong);
      const CudaLossOutputs out =
          check_fault(what, bad, {cuda::kFaultLossParameter, 1, std::bit_cast<uint32_t>(wrong), one.which}, {1}, without);
      check_nan(what, out, {2, 3}, without);
    }
  }
}

void check_targets() {
  LossProblem good = groups_problem({1, 2, 3, 4, 5, 6, 7}, {0, 2, 5, 7}, {0, 1, 0});
  good.reduction = GAVEL_REDUCTION_SUM;
  const LossOutputs without = run_cuda_loss(good);
  for (const int64_t position : {int64_t{-1}, int64_t{3}, kHuge, -kHuge - 1}) {
    LossProblem bad = good;
    bad.target_index[1] = position;
    const std::string what = "target " + std::to_string(position);
    check_nan(what, check_fault(what, bad, {cuda::kFaultTargetIndex, 1, position, 3}, {1}, without), {2, 3, 4}, without);
  }
  LossProblem masked = good;
  masked.mask = {1, 1, 1, 0, 1, 1, 1};
  LossOutputs rest = without;
  rest.dscore[3] = 0;
  check_nan("masked target", check_fault("masked target", masked, {cuda::kFaultTargetMasked, 1, 1, 3}, {1}, without), {2, 4},
            rest);

  LossProblem soft = good;
  soft.target_index.clear();
  soft.target_weights = {1, 0, 0.5f, 0, 0.5f, 0.25f, 0.75f};
  const LossOutputs soft_without = run_cuda_loss(soft);
  for (const float wrong : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    LossProblem bad = soft;
    bad.target_weights[3] = wrong;
    const std::string what = "target weight " + std::to_string(wrong);
    check_nan(what, check_fault(what, bad, {cuda::kFaultTargetWeight, 3, std::bit_cast<uint32_t>(wrong), 7}, {1}, soft_without),
              {2, 3, 4}, soft_without);
  }
  LossProblem hidden = soft;
  hidden.mask = {1, 1, 1, 1, 0, 1, 1};
  rest = soft_without;
  rest.dscore[4] = 0;
  check_nan("soft target on a masked entry",
            check_fault("soft target on a masked entry", hidden, {cuda::kFaultTargetMasked, 1, 2, 3}, {1}, soft_without),
            {2, 3}, rest);
}

// It is not known whose the scores are: every gradient is NaN.
void check_offsets() {
  const LossProblem good = groups_problem({1, 2, 3, 4, 5, 6}, {0, 2, 4, 6}, {0, 1, 0});
  const struct {
    std::vector<int64_t> offsets;
    Expected fault;
  } cases[] = {
      {{1, 2, 4, 6}, {cuda::kFaultOffsets, 0, 1, 6}}, {{0, 2, 4, 5}, {cuda::kFaultOffsets, 3, 5, 6}},
      {{0, 2, 4, 7}, {cuda::kFaultOffsets, 3, 7, 6}}, {{-1, 2, 4, 6}, {cuda::kFaultOffsets, 0, -1, 6}},
      {{0, 4, 2, 6}, {cuda::kFaultOffsets, 2, 2, 6}}, {{0, 2, 4, kHuge}, {cuda::kFaultOffsets, 3, kHuge, 6}},
  };
  for (const auto &one : cases) {
    LossProblem bad = good;
    bad.offsets = one.offsets;
    for (const unsigned block : {0u, 64u}) {
      const CudaLossOutputs out = run_cuda_loss(bad, {block, 2, 1, true});
      check_equal("offsets: kind", out.fault.kind, one.fault.kind);
      check_equal("offsets: item", out.fault.item, one.fault.item);
      check_equal("offsets: value", out.fault.value, one.fault.value);
      check_equal("offsets: limit", out.fault.limit, one.fault.limit);
      CHECK(std::isnan(out.loss[0]), "the loss is %g", static_cast<double>(out.loss[0]));
      for (const float gradient : out.dscore) CHECK(std::isnan(gradient), "a gradient is %g", static_cast<double>(gradient));
    }
  }
}

}  // namespace

int main() {
  check_pairs();
  check_numbers();
  check_targets();
  check_offsets();
  return finish();
}
