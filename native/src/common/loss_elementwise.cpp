// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// MSE, BCE and PINBALL: every score is an item. A NaN target marks a score without one (the attributes nobody rated), as ArmoRM's data do.
#include "common/loss_elementwise.h"

#include "common/error.h"
#include "common/loss.h"

namespace gavel {

namespace {

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  plan.items = plan.score_count;
  plan.targets = tensors.input(args.targets, "loss.targets", only(GAVEL_F32), {plan.score_count}).as<float>();
}

bool valid(const LossPlan &plan, int64_t item) {
  return plan.is_valid(item) && !is_nan(plan.targets[item]);
}

// A target may be anything finite, or NaN.
void check_finite_targets(const LossPlan &plan) {
  for (int64_t n = 0; n < plan.items; ++n) {
    GAVEL_CHECK(is_nan(plan.targets[n]) || is_finite(plan.targets[n]),
                "loss.targets[%lld] is %g; it must be finite, or NaN for a score without a target", static_cast<long long>(n),
                static_cast<double>(plan.targets[n]));
  }
}

void check_probable_targets(const LossPlan &plan) {
  for (int64_t n = 0; n < plan.items; ++n) {
    GAVEL_CHECK(is_nan(plan.targets[n]) || (plan.targets[n] >= 0.0f && plan.targets[n] <= 1.0f),
                "loss.targets[%lld] is %g; BCE needs 0 to 1, or NaN for a score without a target", static_cast<long long>(n),
                static_cast<double>(plan.targets[n]));
  }
}

float finish(const LossPlan &plan, int64_t item, float scale, const ElementTerms &terms) {
  const float weight = plan.weight.at(item);
  if (plan.dscore != nullptr) plan.dscore[item] += scale * (weight * terms.dscore);
  return weight * terms.loss;
}

float run_mse(const LossPlan &plan, int64_t item, float scale) {
  return finish(plan, item, scale, squared_error_terms(plan.score(item), plan.targets[item]));
}

float run_bce(const LossPlan &plan, int64_t item, float scale) {
  return finish(plan, item, scale,
                binary_cross_entropy_terms(plan.score(item), plan.targets[item], plan.positive_weight.at(item)));
}

float run_pinball(const LossPlan &plan, int64_t item, float scale) {
  return finish(plan, item, scale, pinball_terms(plan.score(item), plan.targets[item], plan.quantile.at(item)));
}

constexpr LossFamily family(int32_t kind, const char *name, const char *with, uint32_t numbers, void (*check)(const LossPlan &),
                            float (*run)(const LossPlan &, int64_t, float)) {
  return {.kind = kind,
          .name = name,
          .with = with,
          .item = "score",
          .numbers = numbers,
          .tensors = kTargets,
          .check_tensors = check_tensors,
          .check_values = check,
          .valid = valid,
          .run = run};
}

}  // namespace

const LossFamily kMse = family(GAVEL_LOSS_MSE, "MSE", "with MSE", 0, check_finite_targets, run_mse);
const LossFamily kBce = family(GAVEL_LOSS_BCE, "BCE", "with BCE", kPositiveWeight, check_probable_targets, run_bce);
const LossFamily kPinball = family(GAVEL_LOSS_PINBALL, "PINBALL", "with PINBALL", kQuantile, check_finite_targets, run_pinball);

}  // namespace gavel
