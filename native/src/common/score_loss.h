// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_loss.h: how a loss is run, alone or behind a score call. Everything about a loss is checked before anything is computed.
#ifndef GAVEL_COMMON_SCORE_LOSS_H
#define GAVEL_COMMON_SCORE_LOSS_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/workspace.h"
#include "gavel/gavel.h"

namespace gavel {

// A checked gavel_loss_args: tensors are views of the caller's memory, indices (pairs, offsets, targets) are checked again where they
// are used, so a caller who changes them during the call gets an error at worst.
struct LossPlan;

// args: a copy of the caller's (read_struct). valid: [n] bytes or null, 0 where item r of the score call is invalid and therefore
// masked whatever args.mask says; it must outlive the plan. n: number of scores; kAny takes it from args.scores (gavel_loss), any
// other value requires args.scores to be absent (gavel_score). Puts every tensor into overlaps, which the caller checks. The plan
// lives in the workspace. Throws Failure; messages name "loss.<field>".
const LossPlan &check_loss(const gavel_loss_args &args, int64_t n, const uint8_t *valid, Overlaps &overlaps,
                           Workspace &workspace);

// Computes and writes every output. scores: [n] floats, score_stride floats apart; gavel_loss passes args.scores. The caller flushes
// denormals.
void run_loss(const LossPlan &plan, const float *scores, int64_t score_stride);

}  // namespace gavel

#endif
