// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// BRADLEY_TERRY in blocks. The gradient of a score is the sum of its pairs' in the order of the pairs, so a block's gradients are added
// one after the other; only where a block names scores n, n + 1, n + 2, ..., which cannot repeat one, lanes do it.
#include <algorithm>

#include "common/score_pairs.h"
#include "cpu/loss_run.h"

namespace gavel {

namespace {

// The first score of a block that names one score after the other, or -1.
int64_t first_of_row(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count) {
  if (plan.pairs.stride[0] != 2) return -1;
  const int64_t *numbers = plan.pairs.row<int64_t>(begin);
  const int64_t first = load_index(numbers);
  if (first < 0 || first > plan.score_count - 2 * count || !kernels.consecutive(numbers, 2 * count)) return -1;
  // Numbers that change meanwhile must not lead elsewhere: it is `first` that was checked.
  return first;
}

bool surely_right(const LossPlan &plan, const Kernels &kernels) {
  bool right = true;
  for (int64_t begin = 0; begin < plan.items && right; begin += kLossBlock) {
    const int64_t count = std::min(kLossBlock, plan.items - begin);
    if (first_of_row(plan, kernels, begin, count) >= 0) continue;
    for (int64_t k = 0; k < count; ++k) right &= is_pair(load_pair(plan, begin + k), plan.score_count);
  }
  return right;
}

int64_t find_valid(const LossPlan &plan, const Kernels &, int64_t begin, int64_t count, uint8_t *valid) {
  if (plan.mask == nullptr && plan.valid == nullptr) return count;
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    const ScorePair pair = read_pair(plan, begin + k);
    valid[k] = plan.is_valid(pair.chosen) && plan.is_valid(pair.rejected);
    found += valid[k];
  }
  return found;
}

// Pairs that name one score after the other from the first to the last, as most data has them.
bool disjoint(const LossPlan &plan, const Kernels &kernels) {
  const int64_t first = first_of_row(plan, kernels, 0, std::min(kLossBlock, plan.items));
  if (first < 0) return false;
  for (int64_t begin = kLossBlock; begin < plan.items; begin += kLossBlock) {
    if (first_of_row(plan, kernels, begin, std::min(kLossBlock, plan.items - begin)) != first + 2 * begin) return false;
  }
  return true;
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  const LossPlan &plan = run.plan;
  alignas(64) float chosen[kLossBlock], rejected[kLossBlock], dchosen[kLossBlock], drejected[kLossBlock], ties[kLossBlock];
  ScorePair pairs[kLossBlock];
  const int64_t first = valid == nullptr && plan.score_stride == 1 ? first_of_row(plan, run.kernels, begin, count) : -1;
  if (first >= 0) {
    run.kernels.split_pairs(plan.scores + first, chosen, rejected, count);
  } else {
    for (int64_t k = 0; k < count; ++k) {
      pairs[k] = read_pair(plan, begin + k);
      chosen[k] = plan.score(pairs[k].chosen);
      rejected[k] = plan.score(pairs[k].rejected);
    }
  }
  for (int64_t k = 0; plan.tie_mask != nullptr && k < count; ++k) ties[k] = plan.tie_mask[begin + k] != 0 ? 1.0f : 0.0f;
  const PairBlock block = {.count = count,
                           .chosen = chosen,
                           .rejected = rejected,
                           .weight = block_of(plan.weight, begin),
                           .beta = block_of(plan.beta, begin),
                           .margin = block_of(plan.margin, begin),
                           .label_smoothing = block_of(plan.label_smoothing, begin),
                           .center = block_of(plan.center, begin),
                           .tie = block_of(plan.tie, begin),
                           .ties = plan.tie_mask != nullptr ? ties : nullptr,
                           .scale = run.scale,
                           .loss = loss,
                           .dchosen = dchosen,
                           .drejected = drejected};
  run.kernels.pair_block(&block);
  if (plan.dscore == nullptr) return;
  if (first >= 0) return run.kernels.add_pairs(plan.dscore + first, dchosen, drejected, count);
  for (int64_t k = 0; k < count; ++k) {
    if (valid != nullptr && valid[k] == 0) continue;
    plan.dscore[pairs[k].chosen] += dchosen[k];
    plan.dscore[pairs[k].rejected] += drejected[k];
  }
}

}  // namespace

const LossBlocks kBradleyTerryBlocks = {surely_right, find_valid, 1.3, disjoint, run};

}  // namespace gavel
