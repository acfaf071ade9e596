// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// MSE, BCE and PINBALL in blocks.
#include <algorithm>

#include "common/numeric.h"
#include "cpu/loss_run.h"

namespace gavel {

namespace {

constexpr float kLargest = 0x1.fffffep127f;

// A NaN stands for no target.
bool surely_right(LossPlan &plan, const Kernels &kernels) {
  const bool probable = plan.family->kind == GAVEL_LOSS_BCE;
  const float least = probable ? 0.0f : -kLargest, most = probable ? 1.0f : kLargest;
  for (int64_t begin = 0; begin < plan.items; begin += kLossBlock) {
    const int64_t count = std::min(kLossBlock, plan.items - begin);
    if (kernels.count_numbers(plan.targets + begin, count, least, most) < 0) return false;
  }
  return true;
}

int64_t find_valid(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count, uint8_t *valid) {
  const bool all = plan.mask == nullptr && plan.valid == nullptr;
  if (all && kernels.count_numbers(plan.targets + begin, count, -kLargest, kLargest) == count) return count;
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    valid[k] = !is_nan(plan.targets[begin + k]) && (all || plan.is_valid(begin + k));
    found += valid[k];
  }
  return found;
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  const LossPlan &plan = run.plan;
  alignas(64) float gathered[kLossBlock], dscore[kLossBlock];
  const float *scores = plan.scores + begin;
  if (plan.score_stride != 1) {
    for (int64_t k = 0; k < count; ++k) gathered[k] = plan.score(begin + k);
    scores = gathered;
  }
  const ElementBlock block = {
      .count = count,
      .scores = scores,
      .targets = plan.targets + begin,
      .weight = block_of(plan.weight, begin),
      .number = block_of(plan.family->kind == GAVEL_LOSS_BCE ? plan.positive_weight : plan.quantile, begin),
      .scale = run.scale,
      .loss = loss,
      .dscore = dscore};
  run.kernels.element_block(plan.family->kind, &block);
  if (plan.dscore == nullptr) return;
  if (valid == nullptr) return run.kernels.add(plan.dscore + begin, dscore, count);
  for (int64_t k = 0; k < count; ++k) {
    if (valid[k] != 0) plan.dscore[begin + k] += dscore[k];
  }
}

}  // namespace

const LossBlocks kElementBlocks = {8, surely_right, find_valid, 1, always_disjoint, run};

}  // namespace gavel
