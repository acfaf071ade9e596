// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout.h"

namespace gavel {

namespace {

void check(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) {
  plan.weights = tensors.input(args.weights, "args.readout_weights", only(GAVEL_F32), {plan.objective_count}).as<const float>();
}

}  // namespace

const ReadoutFamily kWeightedSum = {
    .kind = GAVEL_READOUT_WEIGHTED_SUM, .name = "WEIGHTED_SUM", .fields = kObjectives | kWeights, .check = check};

}  // namespace gavel
