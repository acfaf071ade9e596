// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
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
  const Tensor transform = tensors.optional_input(args.transform, "args.gate_transform", only(GAVEL_F32), {n, n});
  plan.transform = transform.as<const float>();
  plan.transform_stride = transform.stride[0];
}

}  // namespace

const ReadoutFamily kGatedSum = {.kind = GAVEL_READOUT_GATED_SUM,
                                 .name = "GATED_SUM",
                                 .fields = kObjectives | kGate,
                                 .check = check,
                                 .gradient_reads_logits = true};

}  // namespace gavel
