// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/loss.h"

#include <algorithm>

#include "common/error.h"
#include "common/numeric.h"
#include "common/pairwise_sum.h"

namespace gavel {

namespace {

const LossFamily *const kFamilies[] = {&kBradleyTerry, &kCrossEntropy, &kPlackettLuce, &kPairwiseRanking, &kMse,
                                       &kBce,          &kStepRanking,  &kOrdinal,      &kPinball};

struct LossTensorField {
  const char *name;
  uint32_t bit;
  gavel_tensor gavel_loss_args::*tensor;
};
constexpr LossTensorField kLossTensors[] = {
    {"loss.pairs", kPairs, &gavel_loss_args::pairs},
    {"loss.tie_mask", kTieMask, &gavel_loss_args::tie_mask},
    {"loss.offsets", kOffsets, &gavel_loss_args::offsets},
    {"loss.target_index", kTargetIndex, &gavel_loss_args::target_index},
    {"loss.target_weights", kTargetWeights, &gavel_loss_args::target_weights},
    {"loss.ranks", kRanks, &gavel_loss_args::ranks},
    {"loss.labels", kLabels, &gavel_loss_args::labels},
    {"loss.targets", kTargets, &gavel_loss_args::targets},
    {"loss.admissible", kAdmissible, &gavel_loss_args::admissible},
};

const LossFamily &family_of(int32_t kind) {
  for (const LossFamily *family : kFamilies) {
    if (family->kind == kind) return *family;
  }
  fail(GAVEL_INVALID_ARGUMENT, "loss.kind is %d, which is no loss this library knows (GAVEL_LOSS_*)", kind);
}

void check_outputs(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  const Tensor loss = tensors.optional_output(args.loss, "loss.loss", only(GAVEL_F32), {1});
  GAVEL_CHECK(plan.reduction != GAVEL_REDUCTION_NONE || !loss.present(),
              "loss.loss must be absent with GAVEL_REDUCTION_NONE, which has no scalar; item_loss holds the losses");
  plan.loss = loss.as<float>();
  plan.item_loss = tensors.optional_output(args.item_loss, "loss.item_loss", only(GAVEL_F32), {plan.items}).as<float>();
  plan.dscore = tensors.optional_output(args.dscore, "loss.dscore", only(GAVEL_F32), {plan.score_count}).as<float>();
  plan.counts = tensors.optional_output(args.counts, "loss.counts", only(GAVEL_I64), {2}).as<int64_t>();
}

void check_number(const gavel_loss_args &args, const LossNumberField &field, CallTensors &tensors, LossPlan &plan) {
  const float scalar = args.*field.scalar;
  const gavel_tensor &values = args.*field.values;
  if (field.bit != 0 && (plan.family->numbers & field.bit) == 0) {
    GAVEL_CHECK(scalar == 0.0f, "%s is %g; %s has no such number: set it to 0", field.name, static_cast<double>(scalar),
                plan.family->name);
    CallTensors::require_absent(values, field.values_name, plan.family->with);
    return;
  }
  const Tensor tensor = tensors.optional_input(values, field.values_name, only(GAVEL_F32), {plan.items});
  GAVEL_CHECK(tensor.present() || in_range(scalar, field.range), "%s is %g; it must be %s", field.name,
              static_cast<double>(scalar), range_text(field.range));
  plan.*field.number = {scalar, tensor.as<float>()};
}

}  // namespace

LossPlan check_loss(const gavel_loss_args &args, int64_t n, CallTensors &tensors) {
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0 && args.reserved3 == 0,
              "loss.reserved, loss.reserved2 and loss.reserved3 must be 0, found %u, %u and %u", args.reserved, args.reserved2,
              args.reserved3);
  LossPlan plan{};
  plan.family = &family_of(args.kind);
  plan.reduction = args.reduction;
  GAVEL_CHECK(args.reduction >= GAVEL_REDUCTION_NONE && args.reduction <= GAVEL_REDUCTION_WEIGHTED_MEAN,
              "loss.reduction is %d, which is no reduction this library knows (GAVEL_REDUCTION_*)", args.reduction);
  if (n == kAny) {
    const Tensor scores = tensors.input(args.scores, "loss.scores", only(GAVEL_F32), {kAny});
    n = scores.shape[0];
    plan.scores = scores.as<float>();
    plan.score_stride = 1;
  } else {
    CallTensors::require_absent(args.scores, "loss.scores", "inside gavel_score, whose own scores are used");
  }
  plan.score_count = n;
  plan.mask = tensors.optional_input(args.mask, "loss.mask", only(GAVEL_U8), {n}).as<uint8_t>();
  for (const LossTensorField &field : kLossTensors) {
    if ((plan.family->tensors & field.bit) == 0) CallTensors::require_absent(args.*field.tensor, field.name, plan.family->with);
  }
  GAVEL_CHECK(args.top_k == 0 || args.kind == GAVEL_LOSS_PLACKETT_LUCE,
              "loss.top_k is %lld; only PLACKETT_LUCE has places: set it to 0", static_cast<long long>(args.top_k));
  GAVEL_CHECK(args.classes == 0 || args.kind == GAVEL_LOSS_ORDINAL,
              "loss.classes is %lld; only ORDINAL has levels: set it to 0", static_cast<long long>(args.classes));
  plan.family->check_tensors(args, tensors, plan);
  for (const LossNumberField &field : kLossNumbers) check_number(args, field, tensors, plan);
  check_outputs(args, tensors, plan);
  return plan;
}

int64_t loss_scratch_bytes(const LossPlan &plan) {
  return plan.family->scratch_bytes == nullptr ? 0 : plan.family->scratch_bytes(plan);
}

void check_loss_values(const LossPlan &plan) {
  for (const LossNumberField &field : kLossNumbers) {
    const float *values = (plan.*field.number).values;
    for (int64_t item = 0; values != nullptr && item < plan.items; ++item) {
      GAVEL_CHECK(in_range(values[item], field.range), "%s[%lld], of %s %lld of %lld, is %g; it must be %s", field.values_name,
                  static_cast<long long>(item), plan.family->item, static_cast<long long>(item),
                  static_cast<long long>(plan.items), static_cast<double>(values[item]), range_text(field.range));
    }
  }
  plan.family->check_values(plan);
  for (int64_t item = 0; item < plan.items; ++item) plan.family->valid(plan, item);
}

void run_loss(const LossPlan &checked_plan, const float *scores, int64_t score_stride) {
  LossPlan plan = checked_plan;
  plan.scores = scores;
  plan.score_stride = score_stride;
  const LossFamily &family = *plan.family;
  int64_t valid_items = 0;
  PairwiseSum weights;
  for (int64_t item = 0; item < plan.items; ++item) {
    if (!family.valid(plan, item)) continue;
    ++valid_items;
    weights.add(plan.weight.at(item));
  }
  if (plan.counts != nullptr) {
    plan.counts[0] = valid_items;
    plan.counts[1] = plan.items - valid_items;
  }

  float divisor = 1.0f;
  if (plan.reduction == GAVEL_REDUCTION_MEAN_VALID) divisor = static_cast<float>(valid_items);
  if (plan.reduction == GAVEL_REDUCTION_WEIGHTED_MEAN) divisor = weights.total();
  const bool nothing = divisor == 0.0f;
  const float scale = nothing ? 0.0f : 1.0f / divisor;

  // item_loss is wanted even where the reduced loss is 0 by definition; its gradient then is, too.
  if (plan.dscore != nullptr) std::fill_n(plan.dscore, plan.score_count, 0.0f);
  if (nothing) plan.dscore = nullptr;

  PairwiseSum losses;
  for (int64_t item = 0; item < plan.items; ++item) {
    float loss = 0.0f;
    if (family.valid(plan, item)) {
      loss = family.run(plan, item, scale);
      losses.add(loss);
    }
    if (plan.item_loss != nullptr) plan.item_loss[item] = loss;
  }
  if (plan.loss != nullptr) *plan.loss = nothing ? 0.0f : losses.total() / divisor;
}

}  // namespace gavel
