// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// BRADLEY_TERRY in blocks. The gradient of a score is the sum of its pairs' in the order of the pairs, so a block's gradients are added
// one after the other; only where a block names its scores in a row, and none twice, lanes do it.
#include <algorithm>

#include "common/score_pairs.h"
#include "cpu/loss_run.h"

namespace gavel {

namespace {

// What the pairs of a block are, whatever the rest of them is.
PairRow find_row(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count) {
  if (plan.pairs.stride[0] != 2) return {};
  const int64_t *numbers = plan.pairs.row<int64_t>(begin);
  PairRow row = {load_index(numbers), load_index(numbers + 1), 0};
  if (row.chosen < 0 || row.chosen >= plan.score_count || row.rejected < 0 || row.rejected >= plan.score_count) return {};
  if (row.rejected == row.chosen + 1) {
    row.step = 2;
  } else if (row.distance() >= count) {
    row.step = 1;
  }
  const PairRow last = row.from(count - 1);
  if (!row.present() || std::max(last.chosen, last.rejected) >= plan.score_count) return {};
  // Numbers that change meanwhile must not lead elsewhere: it is those of `row` that were checked.
  return kernels.rising_pairs(numbers, count, row.step) ? row : PairRow{};
}

// Finds plan.row, too.
bool surely_right(LossPlan &plan, const Kernels &kernels) {
  PairRow first = {};
  bool one_row = true, right = true;
  for (int64_t begin = 0; begin < plan.items && right; begin += kLossBlock) {
    const int64_t count = std::min(kLossBlock, plan.items - begin);
    const PairRow row = find_row(plan, kernels, begin, count);
    if (begin == 0) first = row;
    one_row &= row.present() && row == first.from(begin);
    for (int64_t k = 0; !row.present() && k < count; ++k) right &= is_pair(load_pair(plan, begin + k), plan.score_count);
  }
  if (right && one_row && (first.step == 2 || first.distance() >= plan.items)) plan.row = first;
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

bool disjoint(const LossPlan &plan) {
  return plan.row.present();
}

PairRow row_of(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid) {
  if (valid != nullptr || run.plan.score_stride != 1) return {};
  return run.plan.row.present() ? run.plan.row.from(begin) : find_row(run.plan, run.kernels, begin, count);
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  const LossPlan &plan = run.plan;
  alignas(64) float chosen[kLossBlock], rejected[kLossBlock], dchosen[kLossBlock], drejected[kLossBlock], ties[kLossBlock];
  ScorePair pairs[kLossBlock];
  const PairRow row = row_of(run, begin, count, valid);
  if (row.step == 2) {
    run.kernels.split_pairs(plan.scores + row.chosen, chosen, rejected, count);
  } else if (!row.present()) {
    for (int64_t k = 0; k < count; ++k) {
      pairs[k] = read_pair(plan, begin + k);
      chosen[k] = plan.score(pairs[k].chosen);
      rejected[k] = plan.score(pairs[k].rejected);
    }
  }
  for (int64_t k = 0; plan.tie_mask != nullptr && k < count; ++k) ties[k] = plan.tie_mask[begin + k] != 0 ? 1.0f : 0.0f;
  const PairBlock block = {.count = count,
                           .chosen = row.step == 1 ? plan.scores + row.chosen : chosen,
                           .rejected = row.step == 1 ? plan.scores + row.rejected : rejected,
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
  if (row.step == 2) return run.kernels.add_pairs(plan.dscore + row.chosen, dchosen, drejected, count);
  if (row.step == 1) {
    run.kernels.add(plan.dscore + row.chosen, dchosen, count);
    return run.kernels.add(plan.dscore + row.rejected, drejected, count);
  }
  for (int64_t k = 0; k < count; ++k) {
    if (valid != nullptr && valid[k] == 0) continue;
    plan.dscore[pairs[k].chosen] += dchosen[k];
    plan.dscore[pairs[k].rejected] += drejected[k];
  }
}

}  // namespace

const LossBlocks kBradleyTerryBlocks = {8, surely_right, find_valid, 1.3, disjoint, run};

}  // namespace gavel
