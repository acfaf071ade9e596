// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/loss.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "cpu/loss_run.h"
#include "cpu/shares.h"
#include "cpu/term_sum.h"
#include "cpu/work.h"

namespace gavel {

namespace {

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
    case GAVEL_LOSS_PLACKETT_LUCE:
      return &kPlackettLuceBlocks;
    case GAVEL_LOSS_PAIRWISE_RANKING:
      return &kPairwiseRankingBlocks;
    case GAVEL_LOSS_STEP_RANKING:
      return &kStepRankingBlocks;
    case GAVEL_LOSS_ORDINAL:
      return &kOrdinalBlocks;
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

// The first exception of the parts of a job, which the pool cannot carry to the caller.
class FirstFailure {
 public:
  template <typename Body>
  void keep(Body &&body) {
    try {
      body();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;
};

// Where all items are valid, a block's sum depends on the block alone.
float run_all(const LossRun &run, const LossBlocks &blocks, CpuContext &context, Workspace &workspace) {
  const LossPlan &plan = run.plan;
  const int64_t count = (plan.items + kLossBlock - 1) / kLossBlock;
  float *sums = workspace.take<float>(count);
  const double work = loss_nanoseconds(run.kernels, plan.score_count, blocks.score_nanoseconds);
  int32_t parts = context.pool.parts_for(work, count);
  if (parts > 1 && !blocks.disjoint(plan)) parts = 1;
  Shares shares(workspace.take<Shares::Share>(parts), parts, count);
  // What losses of items by themselves need (run_plain): the first part has the plan's own.
  char *scratch = parts > 1 ? workspace.take<char>((parts - 1) * plan.scratch_bytes) : nullptr;
  FirstFailure failure;
  context.pool.run(parts, [&](int32_t part) {
    failure.keep([&] {
      LossPlan own = plan;
      if (part > 0) own.scratch = scratch + (part - 1) * plan.scratch_bytes;
      const LossRun own_run{own, run.kernels, run.scale};
      for (int64_t b = shares.take(part); b >= 0; b = shares.take(part)) {
        alignas(64) float loss[kLossBlock];
        const int64_t begin = b * kLossBlock, size = std::min(kLossBlock, plan.items - begin);
        blocks.run(own_run, begin, size, nullptr, loss);
        if (plan.item_loss != nullptr) std::copy_n(loss, size, plan.item_loss + begin);
        sums[b] = run.kernels.pairwise_sum(loss, size);
      }
    });
  });
  failure.rethrow();
  PairwiseSum total;
  const int64_t whole = plan.items / kLossBlock;
  for (int64_t b = 0; b < whole; ++b) total.add(sums[b]);
  return total.total(whole < count ? sums[whole] : 0.0f);
}

// Where some are not, the losses behind one of those move up in the sum.
float run_valid(const LossRun &run, const LossBlocks &blocks) {
  const LossPlan &plan = run.plan;
  TermSum losses(run.kernels);
  for_each_block(plan, blocks, run.kernels, [&](int64_t begin, int64_t count, int64_t found, const uint8_t *valid) {
    alignas(64) float loss[kLossBlock];
    blocks.run(run, begin, count, valid, loss);
    for (int64_t k = 0; valid != nullptr && k < count; ++k) {
      if (valid[k] == 0) loss[k] = 0.0f;
    }
    if (plan.item_loss != nullptr) std::copy_n(loss, count, plan.item_loss + begin);
    if (valid != nullptr) found = keep_valid(loss, count, valid);
    losses.add(loss, found);
  });
  return losses.total();
}

void run_blocks(LossPlan plan, const LossBlocks &blocks, CpuContext &context, Workspace &workspace) {
  const Kernels &kernels = context.kernels;
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
  const float sum = valid_items == plan.items ? run_all(run, blocks, context, workspace) : run_valid(run, blocks);
  if (plan.loss != nullptr) *plan.loss = nothing ? 0.0f : sum / divisor;
}

}  // namespace

void prepare_loss(LossPlan &plan, const Kernels &kernels, Workspace &workspace) {
  plan.scratch_bytes = loss_scratch_bytes(plan);
  plan.scratch = workspace.take<char>(plan.scratch_bytes);
  const LossBlocks *blocks = blocks_of(plan);
  const bool right = blocks != nullptr && plan.items >= blocks->few_items && blocks->surely_right(plan, kernels);
  if (!right || has_numbers(plan)) check_loss_values(plan);
}

void run_cpu_loss(const LossPlan &checked_plan, CpuContext &context, const float *scores, int64_t score_stride,
                  Workspace &workspace) {
  const LossBlocks *blocks = blocks_of(checked_plan);
  if (blocks == nullptr || checked_plan.items < blocks->few_items) return run_loss(checked_plan, scores, score_stride);
  LossPlan plan = checked_plan;
  plan.scores = scores;
  plan.score_stride = score_stride;
  run_blocks(plan, *blocks, context, workspace);
}

}  // namespace gavel
