// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout.h"
#include "common/readout_gated_sum.h"

namespace gavel {

namespace {

void check(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) {
  plan.weights = tensors.input(args.weights, "args.readout_weights", only(GAVEL_F32), {plan.objective_count}).as<const float>();
}

float mix(const ReadoutPlan &plan, const MixRow &row, float *) {
  return sum_of_products(plan.weights, row.objectives, plan.objective_count);
}

void mix_gradient(const ReadoutPlan &plan, const MixRow &, float d, float *dobjectives, float *) {
  for (int64_t k = 0; k < plan.objective_count; ++k) dobjectives[k] = d * plan.weights[k];
}

}  // namespace

const ReadoutFamily kWeightedSum = {.kind = GAVEL_READOUT_WEIGHTED_SUM,
                                    .name = "WEIGHTED_SUM",
                                    .fields = kObjectives | kWeights,
                                    .check = check,
                                    .mix = mix,
                                    .mix_gradient = mix_gradient};

}  // namespace gavel
