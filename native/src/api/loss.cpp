// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry point of losses alone; gavel_score runs the same losses on its own scores.
#include "common/loss.h"

#include "common/error.h"
#include "common/versioned.h"
#include "cpu/context.h"
#include "gavel/gavel.h"

using namespace gavel;

extern "C" {

int32_t gavel_loss(gavel_context *context, const gavel_loss_args *args, gavel_error *error) {
  return enter("gavel_loss", error, [&] {
    gavel_context &on = checked(context);
    const gavel_loss_args wanted = read_struct(args, "args");
    const FlushDenormals flush;
    Workspace workspace(on.workspaces);
    Overlaps overlaps;
    const LossPlan &plan = check_loss(wanted, kAny, nullptr, overlaps, workspace);
    overlaps.check();
    run_loss(plan, plan.scores, plan.score_stride);
  });
}

}  // extern "C"
