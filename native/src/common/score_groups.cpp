// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/score_groups.h"

#include <algorithm>

#include "common/error.h"

namespace gavel {

void take_groups(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  const Tensor offsets = tensors.input(args.offsets, "loss.offsets", only(GAVEL_I64), {kAny});
  GAVEL_CHECK(offsets.shape[0] >= 1, "loss.offsets is empty; G groups have G + 1 offsets, the first of them 0");
  plan.items = offsets.shape[0] - 1;
  plan.offsets = offsets.as<int64_t>();
}

void check_group_bounds(const LossPlan &plan) {
  const int64_t first = load_index(plan.offsets);
  const int64_t last = load_index(plan.offsets + plan.items);
  GAVEL_CHECK(first == 0 && last == plan.score_count,
              "loss.offsets runs from %lld to %lld; it must start at 0 and end at the number of scores, %lld",
              static_cast<long long>(first), static_cast<long long>(last), static_cast<long long>(plan.score_count));
}

void refuse_group(const LossPlan &plan, int64_t item, const ScoreGroup &group) {
  fail(GAVEL_INVALID_ARGUMENT,
       "loss.offsets: group %lld of %lld runs from %lld to %lld; offsets must not fall and stay between 0 and %lld",
       static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(group.begin),
       static_cast<long long>(group.end), static_cast<long long>(plan.score_count));
}

bool has_two_valid(const LossPlan &plan, const ScoreGroup &group) {
  int64_t valid_entries = 0;
  for (int64_t n = group.begin; n < group.end && valid_entries < 2; ++n) valid_entries += plan.is_valid(n);
  return valid_entries == 2;
}

int64_t largest_group(const LossPlan &plan) {
  int64_t largest = 0;
  for (int64_t item = 0; item < plan.items; ++item) {
    int64_t size;
    // Offsets are not checked yet: a difference that overflows is no group.
    if (__builtin_sub_overflow(load_index(plan.offsets + item + 1), load_index(plan.offsets + item), &size)) continue;
    largest = std::max(largest, size);
  }
  return std::min(largest, plan.score_count);
}

}  // namespace gavel
