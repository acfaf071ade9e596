// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/loss.h"

#include <algorithm>
#include <new>

#include "common/error.h"
#include "common/numeric.h"
#include "common/pairwise_sum.h"

namespace gavel {

namespace {

const LossFamily *const kFamilies[] = {&kBradleyTerry, &kCrossEntropy};

const LossFamily &family_of(int32_t kind) {
  for (const LossFamily *family : kFamilies) {
    if (family->kind == kind) return *family;
  }
  fail(GAVEL_INVALID_ARGUMENT, "loss.kind is %d, which is no loss this library knows (GAVEL_LOSS_*)", kind);
}

bool in_range(float value, Range range) {
  // Denormals count as 0, as everywhere in the arithmetic that follows.
  switch (range) {
    case Range::FINITE:
      return is_finite(value);
    case Range::NOT_NEGATIVE:
      return is_finite(value) && value >= 0.0f;
    case Range::POSITIVE:
      return is_finite(value) && value >= 0x1p-126f;
    case Range::UNIT:
      return value >= 0.0f && value <= 1.0f;
  }
  return false;
}

const char *range_text(Range range) {
  switch (range) {
    case Range::FINITE:
      return "finite";
    case Range::NOT_NEGATIVE:
      return "finite and at least 0";
    case Range::POSITIVE:
      return "finite and at least 2^-126";
    case Range::UNIT:
      return "between 0 and 1";
  }
  return "";
}

void check_outputs(const gavel_loss_args &args, Overlaps &overlaps, LossPlan &plan) {
  const Tensor item_loss = optional_output(args.item_loss, "loss.item_loss", only(GAVEL_F32), {plan.items});
  const Tensor loss = optional_output(args.loss, "loss.loss", only(GAVEL_F32), {1});
  const Tensor dscore = optional_output(args.dscore, "loss.dscore", only(GAVEL_F32), {plan.score_count});
  const Tensor counts = optional_output(args.counts, "loss.counts", only(GAVEL_I64), {2});
  GAVEL_CHECK(plan.reduction != GAVEL_REDUCTION_NONE || !loss.present(),
              "loss.loss must be absent with GAVEL_REDUCTION_NONE, which has no scalar; item_loss holds the losses");
  overlaps.writes(item_loss, "loss.item_loss");
  overlaps.writes(loss, "loss.loss");
  overlaps.writes(dscore, "loss.dscore");
  overlaps.writes(counts, "loss.counts");
  plan.item_loss = item_loss.as<float>();
  plan.loss = loss.as<float>();
  plan.dscore = dscore.as<float>();
  plan.counts = counts.as<int64_t>();
}

}  // namespace

PerItem check_parameter(const char *name, float scalar, const gavel_tensor &values, const char *values_name, Range range,
                        const LossPlan &plan, Overlaps &overlaps) {
  const Tensor tensor = optional_input(values, values_name, only(GAVEL_F32), {plan.items});
  if (!tensor.present()) {
    GAVEL_CHECK(in_range(scalar, range), "%s is %g; it must be %s", name, static_cast<double>(scalar), range_text(range));
    return {scalar, nullptr};
  }
  overlaps.reads(tensor, values_name);
  const float *data = tensor.as<float>();
  for (int64_t item = 0; item < plan.items; ++item) {
    GAVEL_CHECK(in_range(data[item], range), "%s[%lld], of %s %lld of %lld, is %g; it must be %s", values_name,
                static_cast<long long>(item), plan.family->item, static_cast<long long>(item),
                static_cast<long long>(plan.items), static_cast<double>(data[item]), range_text(range));
  }
  return {scalar, data};
}

void refuse_parameter(const char *name, float scalar, const gavel_tensor &values, const char *values_name,
                      const LossPlan &plan) {
  GAVEL_CHECK(scalar == 0.0f, "%s is %g; %s has no such number: set it to 0", name, static_cast<double>(scalar),
              plan.family->name);
  refuse_tensor(values, values_name, plan);
}

void refuse_tensor(const gavel_tensor &tensor, const char *name, const LossPlan &plan) {
  require_absent(tensor, name, plan.family->with);
}

const LossPlan &check_loss(const gavel_loss_args &args, int64_t n, const uint8_t *valid, Overlaps &overlaps,
                           Workspace &workspace) {
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0, "loss.reserved and loss.reserved2 must be 0, found %u and %u",
              args.reserved, args.reserved2);
  LossPlan &plan = *new (workspace.take<LossPlan>(1)) LossPlan{};
  plan.family = &family_of(args.kind);
  plan.reduction = args.reduction;
  GAVEL_CHECK(args.reduction >= GAVEL_REDUCTION_NONE && args.reduction <= GAVEL_REDUCTION_WEIGHTED_MEAN,
              "loss.reduction is %d, which is no reduction this library knows (GAVEL_REDUCTION_*)", args.reduction);
  if (n == kAny) {
    const Tensor scores = input(args.scores, "loss.scores", only(GAVEL_F32), {kAny});
    overlaps.reads(scores, "loss.scores");
    n = scores.shape[0];
    plan.scores = scores.as<float>();
    plan.score_stride = 1;
  } else {
    require_absent(args.scores, "loss.scores", "inside gavel_score, whose own scores are used");
  }
  plan.score_count = n;
  plan.valid = valid;

  const Tensor mask = optional_input(args.mask, "loss.mask", only(GAVEL_U8), {n});
  overlaps.reads(mask, "loss.mask");
  plan.mask = mask.as<uint8_t>();
  plan.family->check(args, overlaps, plan);
  plan.weight = check_parameter("loss.weight", args.weight, args.weight_values, "loss.weight_values", Range::NOT_NEGATIVE, plan,
                                overlaps);
  check_outputs(args, overlaps, plan);
  for (int64_t item = 0; item < plan.items; ++item) plan.family->valid(plan, item);
  return plan;
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
