// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_groups.h: groups of neighbouring scores, for the losses whose items they are. Host memory only, but for take_groups.
#ifndef GAVEL_COMMON_SCORE_GROUPS_H
#define GAVEL_COMMON_SCORE_GROUPS_H

#include <cstdint>

#include "common/loss.h"

namespace gavel {

// Scores begin .. end - 1.
struct ScoreGroup {
  int64_t begin;
  int64_t end;
};

// Takes loss.offsets and sets plan.items; reads no value.
void take_groups(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan);
// Throws Failure where the first or the last offset is wrong.
void check_group_bounds(const LossPlan &plan);
// Throws Failure, which names the group whose offsets fall or lead outside.
[[noreturn]] void refuse_group(const LossPlan &plan, int64_t item, const ScoreGroup &group);
// Group `item`, read once.
inline ScoreGroup read_group(const LossPlan &plan, int64_t item) {
  const ScoreGroup group{load_index(plan.offsets + item), load_index(plan.offsets + item + 1)};
  const bool right = group.begin >= 0 && group.begin <= group.end && group.end <= plan.score_count;
  if (!right) [[unlikely]]
    refuse_group(plan, item, group);
  return group;
}
bool has_two_valid(const LossPlan &plan, const ScoreGroup &group);
// Entries of the largest group, whatever the offsets hold: at most the number of scores.
int64_t largest_group(const LossPlan &plan);

}  // namespace gavel

#endif
