// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cpu/loss.h: what a checked loss needs before it can run on the host: scratch memory, and a look at its values.
#ifndef GAVEL_CPU_LOSS_H
#define GAVEL_CPU_LOSS_H

#include "common/loss.h"
#include "cpu/workspace.h"

namespace gavel {

// plan.valid is set. The scratch lives as long as the workspace. Throws Failure where a value is wrong.
inline void prepare_loss(LossPlan &plan, Workspace &workspace) {
  plan.scratch_bytes = loss_scratch_bytes(plan);
  plan.scratch = workspace.take<char>(plan.scratch_bytes);
  check_loss_values(plan);
}

}  // namespace gavel

#endif
