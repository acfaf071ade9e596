// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout_gated_sum.h"

#include <cinttypes>
#include <cmath>

#include "common/error.h"
#include "common/readout.h"

namespace gavel {

namespace {

void check(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) {
  const int64_t n = plan.objective_count;
  if (plan.gate_form == GAVEL_GATE_SOFTMAX) {
    GAVEL_CHECK(n >= 2,
                "GATED_SUM with SOFTMAX over %" PRId64 " objective: its weight is 1 whatever the gate says; have 2 or more", n);
    GAVEL_CHECK(std::isnormal(args.gate_temperature) && args.gate_temperature > 0,
                "args.gate_temperature is %g; SOFTMAX needs a finite number above 0 that is not a denormal",
                static_cast<double>(args.gate_temperature));
  } else {
    GAVEL_CHECK(args.gate_temperature == 0, "args.gate_temperature is %g; only SOFTMAX reads it: set it to 0",
                static_cast<double>(args.gate_temperature));
  }
  if (plan.two_streams()) {
    GAVEL_CHECK(args.gate_scale == 0, "args.gate_scale is %g; TWO_STREAM has none: set it to 0",
                static_cast<double>(args.gate_scale));
    CallTensors::require_absent(args.transform, "args.gate_transform", "with TWO_STREAM, which mixes two scores");
    return;
  }
  GAVEL_CHECK(std::isnormal(args.gate_scale),
              "args.gate_scale is %g; say a finite number that is neither 0 nor a denormal (1 for none)",
              static_cast<double>(args.gate_scale));
  plan.gate_temperature = args.gate_temperature;
  plan.gate_scale = args.gate_scale;
  plan.transform = tensors.optional_input(args.transform, "args.gate_transform", only(GAVEL_F32), {n, n});
}

// The objectives after the transform; `into` [O] is used where there is one.
const float *transformed(const ReadoutPlan &plan, const MixRow &row, float *into) {
  if (!plan.transform.present()) return row.objectives;
  transform_objectives(row.objectives, plan.transform.as<const float>(), plan.transform.stride[0], plan.objective_count, into);
  return into;
}

// sum over k of weight_k q_k, before gate_scale.
float unscaled(const ReadoutPlan &plan, const MixRow &row, float *gate_weights) {
  const int64_t n = plan.objective_count;
  const float *q = transformed(plan, row, row.scratch);
  if (plan.gate_form == GAVEL_GATE_SOFTMAX) {
    return softmax_gate(row.gate, q, n, plan.gate_temperature, plan.gate_scale, row.scratch + n, gate_weights);
  }
  for (int64_t k = 0; gate_weights != nullptr && k < n; ++k) gate_weights[k] = plan.gate_scale * row.gate[k];
  return sum_of_products(row.gate, q, n);
}

float mix(const ReadoutPlan &plan, const MixRow &row, float *gate_weights) {
  if (plan.two_streams()) return two_stream_gate(row.gate[0], row.objectives[0], row.objectives[1], gate_weights);
  return plan.gate_scale * unscaled(plan, row, gate_weights);
}

void mix_gradient(const ReadoutPlan &plan, const MixRow &row, float d, float *dobjectives, float *dgate) {
  if (plan.two_streams()) {
    const TwoStreamGradient gradient = two_stream_gate_gradient(row.gate[0], row.objectives[0], row.objectives[1], d);
    dobjectives[0] = gradient.dforward;
    dobjectives[1] = gradient.dreverse;
    dgate[0] = gradient.dgate;
    return;
  }
  const int64_t n = plan.objective_count;
  const float *q = transformed(plan, row, row.scratch);
  float *dq = plan.transform.present() ? row.scratch + 2 * n : dobjectives;
  if (plan.gate_form == GAVEL_GATE_SOFTMAX) {
    softmax_gate_gradient(row.gate, q, n, plan.gate_temperature, plan.gate_scale, d, row.scratch + n, dq, dgate);
  } else {
    const float factor = d * plan.gate_scale;
    for (int64_t k = 0; k < n; ++k) {
      dq[k] = factor * row.gate[k];
      dgate[k] = factor * q[k];
    }
  }
  if (plan.transform.present()) {
    transform_gradient(dq, plan.transform.as<const float>(), plan.transform.stride[0], n, dobjectives);
  }
}

float scale_gradient(const ReadoutPlan &plan, const MixRow &row) {
  return unscaled(plan, row, nullptr);
}

}  // namespace

const ReadoutFamily kGatedSum = {.kind = GAVEL_READOUT_GATED_SUM,
                                 .name = "GATED_SUM",
                                 .fields = kObjectives | kGate,
                                 .check = check,
                                 .mix = mix,
                                 .mix_gradient = mix_gradient,
                                 .scale_gradient = scale_gradient,
                                 .gradient_reads_logits = true};

}  // namespace gavel
