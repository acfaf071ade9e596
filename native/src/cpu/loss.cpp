// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/loss.h"

#include <algorithm>

#include "cpu/loss_run.h"
#include "cpu/term_sum.h"

namespace gavel {

namespace {

// Below, filling a block takes longer than its lanes save.
constexpr int64_t kFewItems = 8;

const LossBlocks *blocks_of(const LossPlan &plan) {
  switch (plan.family->kind) {
    case GAVEL_LOSS_BRADLEY_TERRY:
      return &kBradleyTerryBlocks;
    case GAVEL_LOSS_CROSS_ENTROPY:
      return &kCrossEntropyBlocks;
    case GAVEL_LOSS_MSE:
    case GAVEL_LOSS_BCE:
    case GAVEL_LOSS_PINBALL:
      return &kElementBlocks;
    default:
      return nullptr;
  }
}

bool has_numbers(const LossPlan &plan) {
  for (const LossNumberField &field : kLossNumbers) {
    if ((plan.*field.number).values != nullptr) return true;
  }
  return false;
}

// body(begin, count, valid items, which are valid or null for all) for each block of items.
template <typename Body>
void for_each_block(const LossPlan &plan, const LossBlocks &blocks, const Kernels &kernels, Body &&body) {
  uint8_t valid[kLossBlock];
  for (int64_t begin = 0; begin < plan.items; begin += kLossBlock) {
    const int64_t count = std::min(kLossBlock, plan.items - begin);
    const int64_t found = blocks.find_valid(plan, kernels, begin, count, valid);
    body(begin, count, found, found == count ? nullptr : valid);
  }
}

// The values of the valid items, one behind the other.
int64_t keep_valid(float *values, int64_t count, const uint8_t *valid) {
  int64_t kept = 0;
  for (int64_t k = 0; k < count; ++k) {
    values[kept] = values[k];
    kept += valid[k];
  }
  return kept;
}

float sum_weights(const LossPlan &plan, const LossBlocks &blocks, const Kernels &kernels) {
  TermSum sum(kernels);
  for_each_block(plan, blocks, kernels, [&](int64_t begin, int64_t count, int64_t found, const uint8_t *valid) {
    float weights[kLossBlock];
    if (plan.weight.values == nullptr) {
      std::fill_n(weights, found, plan.weight.scalar);
    } else {
      std::copy_n(plan.weight.values + begin, count, weights);
      if (valid != nullptr) found = keep_valid(weights, count, valid);
    }
    sum.add(weights, found);
  });
  return sum.total();
}

void run_blocks(LossPlan plan, const LossBlocks &blocks, const Kernels &kernels) {
  int64_t valid_items = 0;
  for_each_block(plan, blocks, kernels, [&](int64_t, int64_t, int64_t found, const uint8_t *) { valid_items += found; });
  if (plan.counts != nullptr) {
    plan.counts[0] = valid_items;
    plan.counts[1] = plan.items - valid_items;
  }
  float divisor = 1.0f;
  if (plan.reduction == GAVEL_REDUCTION_MEAN_VALID) divisor = static_cast<float>(valid_items);
  if (plan.reduction == GAVEL_REDUCTION_WEIGHTED_MEAN) divisor = sum_weights(plan, blocks, kernels);
  const bool nothing = divisor == 0.0f;

  // item_loss is wanted even where the reduced loss is 0 by definition; its gradient then is, too.
  if (plan.dscore != nullptr) std::fill_n(plan.dscore, plan.score_count, 0.0f);
  if (nothing) plan.dscore = nullptr;

  const LossRun run{plan, kernels, nothing ? 0.0f : 1.0f / divisor};
  TermSum losses(kernels);
  for_each_block(plan, blocks, kernels, [&](int64_t begin, int64_t count, int64_t found, const uint8_t *valid) {
    alignas(64) float loss[kLossBlock];
    blocks.run(run, begin, count, valid, loss);
    for (int64_t k = 0; valid != nullptr && k < count; ++k) {
      if (valid[k] == 0) loss[k] = 0.0f;
    }
    if (plan.item_loss != nullptr) std::copy_n(loss, count, plan.item_loss + begin);
    if (valid != nullptr) found = keep_valid(loss, count, valid);
    losses.add(loss, found);
  });
  if (plan.loss != nullptr) *plan.loss = nothing ? 0.0f : losses.total() / divisor;
}

}  // namespace

void prepare_loss(LossPlan &plan, const Kernels &kernels, Workspace &workspace) {
  plan.scratch_bytes = loss_scratch_bytes(plan);
  plan.scratch = workspace.take<char>(plan.scratch_bytes);
  const LossBlocks *blocks = blocks_of(plan);
  const bool plain = blocks == nullptr || plan.items < kFewItems || has_numbers(plan);
  if (plain || !blocks->surely_right(plan, kernels)) check_loss_values(plan);
}

void run_cpu_loss(const LossPlan &checked_plan, const Kernels &kernels, const float *scores, int64_t score_stride) {
  const LossBlocks *blocks = blocks_of(checked_plan);
  if (blocks == nullptr || checked_plan.items < kFewItems) return run_loss(checked_plan, scores, score_stride);
  LossPlan plan = checked_plan;
  plan.scores = scores;
  plan.score_stride = score_stride;
  run_blocks(plan, *blocks, kernels);
}

}  // namespace gavel
