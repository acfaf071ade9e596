// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout_quantile_mean.h"

#include "common/readout.h"

namespace gavel {

namespace {

float reduce(const ReadoutPlan &plan, const float *logits, float *) {
  return quantile_mean(logits, plan.width);
}

void reduce_gradient(const ReadoutPlan &plan, const float *, float d, float *, float *dlogits) {
  quantile_mean_gradient(plan.width, d, dlogits);
}

}  // namespace

const ReadoutFamily kQuantileMean = {.kind = GAVEL_READOUT_QUANTILE_MEAN,
                                     .name = "QUANTILE_MEAN",
                                     .fields = kGroups,
                                     .reduce = reduce,
                                     .reduce_gradient = reduce_gradient};

}  // namespace gavel
