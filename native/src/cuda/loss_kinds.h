// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_kinds.h: the losses of the device, each a class in a header of its own:
//   kKind, kItems       what it is, and how its items lie on the scores; what follows has a value in LossTraits
//   kByThread           evaluate(task, item) by one thread; else evaluate(task, team, ...) by a team (team.h), for items of GROUPS with a
//                       Group and with FewTeam for groups of at most kFewEntries
//   kWide               its rows have `width` scores, not one
//   kEntryFloats        how many numbers per score its walk keeps in scratch memory, and the order of the entries
//   kBlocks             blocks that a multiprocessor must have registers for
#ifndef GAVEL_CUDA_LOSS_KINDS_H
#define GAVEL_CUDA_LOSS_KINDS_H

#include "cuda/loss_bradley_terry.h"
#include "cuda/loss_cross_entropy.h"
#include "cuda/loss_elementwise.h"
#include "cuda/loss_ordinal.h"
#include "cuda/loss_pairwise_ranking.h"
#include "cuda/loss_plackett_luce.h"
#include "cuda/loss_step_ranking.h"

namespace gavel::cuda {

template <typename... Losses>
struct LossList {};

using AllLosses = LossList<BradleyTerry, CrossEntropy, PlackettLuce, PairwiseRanking, MeanSquaredError, BinaryCrossEntropy,
                           StepRanking, Ordinal, Pinball>;

// Those that the last block of a score kernel can take along: their code is in every one of those kernels.
using SmallLosses = LossList<BradleyTerry, CrossEntropy, MeanSquaredError, BinaryCrossEntropy, Pinball>;

template <typename... Losses>
constexpr bool is_listed(int32_t kind, LossList<Losses...>) {
  return ((Losses::kKind == kind) || ...);
}

}  // namespace gavel::cuda

#endif
