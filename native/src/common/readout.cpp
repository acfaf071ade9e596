// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout.h"

#include <cinttypes>

#include "common/error.h"
#include "common/numeric.h"

namespace gavel {

namespace {

const ReadoutFamily *const kFamilies[] = {&kIdentity,    &kAffine,       &kSigmoid,     &kClassProb,
                                          &kExpectation, &kQuantileMean, &kWeightedSum, &kGatedSum};

const ReadoutFamily &family_of(int32_t kind) {
  for (const ReadoutFamily *family : kFamilies) {
    if (family->kind == kind) return *family;
  }
  GAVEL_CHECK(kind != GAVEL_READOUT_LOG_RATIO,
              "args.readout is 8 (LOG_RATIO), which reads log-probabilities: call gavel_token_logprob");
  fail(GAVEL_INVALID_ARGUMENT,
       "args.readout is %d; say 0 (IDENTITY), 1 (AFFINE), 2 (SIGMOID), 3 (CLASS_PROB), 4 (EXPECTATION), 5 (QUANTILE_MEAN), "
       "6 (WEIGHTED_SUM) or 7 (GATED_SUM)",
       kind);
}

const ReadoutFamily &objectives_of(int32_t kind) {
  if (kind == GAVEL_READOUT_IDENTITY) return kIdentity;
  for (const ReadoutFamily *family : kFamilies) {
    if (family->kind == kind && family->of_groups()) return *family;
  }
  fail(GAVEL_INVALID_ARGUMENT,
       "args.readout_objectives is %d; objectives are made by 0 (IDENTITY), 3 (CLASS_PROB), 4 (EXPECTATION) or 5 "
       "(QUANTILE_MEAN)",
       kind);
}

// A field nobody reads is refused: it was meant for something.
void refuse_unread(const ReadoutArgs &args, uint32_t read, const char *name) {
  const auto number = [&](uint32_t bit, double value, const char *field) {
    GAVEL_CHECK((read & bit) != 0 || value == 0, "args.%s is %g; the readout %s does not read it: set it to 0", field, value,
                name);
  };
  number(kMeanDeviation, static_cast<double>(args.mean), "readout_mean");
  number(kMeanDeviation, static_cast<double>(args.deviation), "readout_deviation");
  number(kGroups, static_cast<double>(args.width), "readout_width");
  number(kClass, args.class_index, "readout_class");
  number(kLevels, args.statistic, "readout_statistic");
  number(kObjectives, args.objectives, "readout_objectives");
  number(kGate, args.gate_form, "gate_form");
  number(kGate, static_cast<double>(args.gate_temperature), "gate_temperature");
  number(kGate, static_cast<double>(args.gate_scale), "gate_scale");
  const auto tensor = [&](uint32_t bit, const gavel_tensor &value, const char *field) {
    if ((read & bit) == 0) CallTensors::require_absent(value, field, "with a readout that does not read it");
  };
  tensor(kLevels, args.levels, "args.readout_levels");
  tensor(kWeights, args.weights, "args.readout_weights");
  tensor(kGate, args.transform, "args.gate_transform");
  tensor(kGate, args.gate_index, "args.gate_index");
}

void check_groups(const ReadoutArgs &args, ReadoutPlan &plan) {
  GAVEL_CHECK(args.width >= 1 && plan.logits % args.width == 0,
              "args.readout_width is %" PRId64 "; the head's %" PRId64 " logits are not groups of that many", args.width,
              plan.logits);
  plan.width = args.width;
}

void check_two_streams(const ReadoutArgs &args, ReadoutPlan &plan) {
  GAVEL_CHECK(plan.logits == 1, "GATED_SUM with TWO_STREAM mixes one score of two rows; this head has %" PRId64 " outputs",
              plan.logits);
  GAVEL_CHECK(args.objectives == GAVEL_READOUT_IDENTITY,
              "args.readout_objectives is %d; TWO_STREAM mixes the logits themselves: set it to 0 (IDENTITY)", args.objectives);
  plan.logits = 2;
  plan.objective_count = 2;
}

void check_gate(const ReadoutArgs &args, const HeadSpec &head, const HeadSpec *gate, int64_t items, CallTensors &tensors,
                ReadoutPlan &plan) {
  GAVEL_CHECK(gate != nullptr, "args.gate is NULL; GATED_SUM needs a head whose logits weigh the objectives");
  GAVEL_CHECK(head.fields.kind != GAVEL_HEAD_EXPERT_CONCAT && gate->fields.kind != GAVEL_HEAD_EXPERT_CONCAT,
              "GATED_SUM reads one vector a row; EXPERT_CONCAT heads read several and cannot be gated or be a gate");
  plan.gate_outputs = gate->fields.output_width;
  plan.gate_weights = plan.two_streams() ? 1 : plan.objective_count;
  GAVEL_CHECK(plan.gate_outputs == plan.gate_weights,
              "the gate has %" PRId64 " outputs; GATED_SUM needs one for each of the %" PRId64 " objectives (TWO_STREAM: one)",
              plan.gate_outputs, plan.gate_weights);
  plan.gate_index = tensors.input(args.gate_index, "args.gate_index", only(GAVEL_I64), {items});
}

void check_finite(const char *name, const float *values, int64_t count) {
  for (int64_t k = 0; values != nullptr && k < count; ++k) {
    GAVEL_CHECK(is_finite(values[k]), "%s[%" PRId64 "] is %g; it must be finite", name, k, static_cast<double>(values[k]));
  }
}

}  // namespace

ReadoutPlan check_readout(const ReadoutArgs &args, const HeadSpec &head, const HeadSpec *gate, int64_t items,
                          CallTensors &tensors) {
  ReadoutPlan plan{};
  plan.family = &family_of(args.readout);
  const ReadoutFamily &family = *plan.family;
  plan.kind = family.kind;
  plan.logits = head.fields.output_width;
  uint32_t read = family.fields;
  if (family.fields & kObjectives) {
    plan.objectives = &objectives_of(args.objectives);
    plan.objective_kind = plan.objectives->kind;
    read |= plan.objectives->fields;
  }
  refuse_unread(args, read, family.name);
  GAVEL_CHECK((read & kGate) != 0 || gate == nullptr, "args.gate is not NULL; only GATED_SUM reads it: set it to NULL");
  if (read & kGate) {
    GAVEL_CHECK(args.gate_form >= GAVEL_GATE_SOFTMAX && args.gate_form <= GAVEL_GATE_LINEAR,
                "args.gate_form is %d; GATED_SUM needs 1 (SOFTMAX), 2 (TWO_STREAM) or 3 (LINEAR)", args.gate_form);
    plan.gate_form = args.gate_form;
  }
  if (plan.two_streams()) check_two_streams(args, plan);
  if (read & kGroups) check_groups(args, plan);
  if (plan.objectives != nullptr) {
    if (plan.objectives->check != nullptr) plan.objectives->check(args, tensors, plan);
    plan.objective_count = plan.logits / (plan.width > 0 ? plan.width : 1);
    plan.scores = 1;
  } else {
    plan.scores = plan.logits / (plan.width > 0 ? plan.width : 1);
  }
  if (read & kGate) check_gate(args, head, gate, items, tensors, plan);
  if (family.check != nullptr) family.check(args, tensors, plan);
  return plan;
}

void check_readout_values(const ReadoutPlan &plan) {
  check_finite("args.readout_levels", plan.levels, plan.width);
  check_finite("args.readout_weights", plan.weights, plan.objective_count);
  for (int64_t j = 0; plan.transform != nullptr && j < plan.objective_count; ++j) {
    check_finite("args.gate_transform", plan.transform + j * plan.transform_stride, plan.objective_count);
  }
}

bool gradient_reads_logits(const ReadoutPlan &plan) {
  return plan.family->gradient_reads_logits || (plan.objectives != nullptr && plan.objectives->gradient_reads_logits);
}

}  // namespace gavel
