// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include <cinttypes>

#include "common/error.h"
#include "common/readout.h"

namespace gavel {

namespace {

void check(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) {
  GAVEL_CHECK(plan.width >= 2,
              "args.readout_width is %" PRId64 "; EXPECTATION needs 2 levels or more: of a single one it is always that level",
              plan.width);
  GAVEL_CHECK(args.statistic >= GAVEL_EXPECTATION_MEAN && args.statistic <= GAVEL_EXPECTATION_TOP_LEVEL,
              "args.readout_statistic is %d; EXPECTATION needs 1 (MEAN), 2 (VARIANCE) or 3 (TOP_LEVEL)", args.statistic);
  plan.statistic = args.statistic;
  plan.levels = tensors.input(args.levels, "args.readout_levels", only(GAVEL_F32), {plan.width}).as<const float>();
}

}  // namespace

const ReadoutFamily kExpectation = {.kind = GAVEL_READOUT_EXPECTATION,
                                    .name = "EXPECTATION",
                                    .fields = kGroups | kLevels,
                                    .check = check,
                                    .gradient_reads_logits = true};

}  // namespace gavel
