// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include <cinttypes>

#include "common/error.h"
#include "common/readout.h"

namespace gavel {

namespace {

void check(const ReadoutArgs &args, CallTensors &, ReadoutPlan &plan) {
  GAVEL_CHECK(plan.width >= 2,
              "args.readout_width is %" PRId64
              "; CLASS_PROB needs 2 classes or more: of a single one the probability is always 1",
              plan.width);
  GAVEL_CHECK(args.class_index >= 0 && args.class_index < plan.width,
              "args.readout_class is %d; the groups have classes 0 to %" PRId64, args.class_index, plan.width - 1);
  plan.class_index = args.class_index;
}

}  // namespace

const ReadoutFamily kClassProb = {.kind = GAVEL_READOUT_CLASS_PROB,
                                  .name = "CLASS_PROB",
                                  .fields = kGroups | kClass,
                                  .check = check,
                                  .gradient_reads_logits = true};

}  // namespace gavel
