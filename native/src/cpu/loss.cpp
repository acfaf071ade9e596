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

// Which items count. Flags of a block are written where not all of its items do.
struct ValidItems {
  int64_t total = 0;
  uint8_t *flags;
  int64_t *in_block;  // how many

  // Null: all of them.
  const uint8_t *of_block(int64_t block, int64_t size) const {
    return in_block[block] == size ? nullptr : flags + block * kLossBlock;
  }
};

// body(block, its first item, its size).
template <typename Body>
void for_each_block(const LossPlan &plan, Body &&body) {
  for (int64_t begin = 0; begin < plan.items; begin += kLossBlock) {
    body(begin / kLossBlock, begin, std::min(kLossBlock, plan.items - begin));
  }
}

int64_t count_blocks(const LossPlan &plan) {
  return (plan.items + kLossBlock - 1) / kLossBlock;
}

ValidItems find_valid(const LossPlan &plan, const LossBlocks &blocks, const Kernels &kernels, Workspace &workspace) {
  ValidItems valid;
  valid.flags = workspace.take<uint8_t>(plan.items);
  valid.in_block = workspace.take<int64_t>(count_blocks(plan));
  for_each_block(plan, [&](int64_t block, int64_t begin, int64_t size) {
    valid.in_block[block] = blocks.find_valid(plan, kernels, begin, size, valid.flags + begin);
    valid.total += valid.in_block[block];
  });
  return valid;
}

// Adds those of `values` [size] whose items are valid (null: all are).
void add_valid(TermSum &sum, const float *values, int64_t size, const uint8_t *valid) {
  if (valid == nullptr) return sum.add(values, size);
  float kept[kLossBlock];
  int64_t count = 0;
  for (int64_t k = 0; k < size; ++k) {
    kept[count] = values[k];
    count += valid[k];
  }
  sum.add(kept, count);
}

float sum_weights(const LossPlan &plan, const Kernels &kernels, const ValidItems &valid) {
  TermSum sum(kernels);
  for_each_block(plan, [&](int64_t block, int64_t begin, int64_t size) {
    float weights[kLossBlock];
    for (int64_t k = 0; k < size; ++k) weights[k] = plan.weight.at(begin + k);
    add_valid(sum, weights, size, valid.of_block(block, size));
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

// Returns the sum of the losses. Where all items are valid a block's sum depends on the block alone; else losses behind one that is not move
// up in the tree, so they are added when all are there.
float run_items(const LossRun &run, const LossBlocks &blocks, const ValidItems &valid, CpuContext &context,
                Workspace &workspace) {
  const LossPlan &plan = run.plan;
  const int64_t count = count_blocks(plan);
  const bool all = valid.total == plan.items;
  float *sums = workspace.take<float>(all ? count : 0);
  float *losses = workspace.take<float>(all ? 0 : plan.items);
  const double work = loss_nanoseconds(run.kernels, plan.score_count, blocks.score_nanoseconds);
  int32_t parts = context.pool.parts_for(work, count);
  if (parts > 1 && !blocks.disjoint(plan)) parts = 1;
  Shares shares(workspace.take<Shares::Share>(parts), parts, count);
  // What losses of items by themselves need (run_plain): the first part has the plan's own.
  char *scratch = workspace.take<char>((parts - 1) * plan.scratch_bytes);
  FirstFailure failure;
  context.pool.run(parts, [&](int32_t part) {
    failure.keep([&] {
      LossPlan own = plan;
      if (part > 0) own.scratch = scratch + (part - 1) * plan.scratch_bytes;
      const LossRun own_run{own, run.kernels, run.scale};
      for (int64_t b = shares.take(part); b >= 0; b = shares.take(part)) {
        alignas(64) float loss[kLossBlock];
        const int64_t begin = b * kLossBlock, size = std::min(kLossBlock, plan.items - begin);
        const uint8_t *flags = valid.of_block(b, size);
        blocks.run(own_run, begin, size, flags, loss);
        for (int64_t k = 0; flags != nullptr && k < size; ++k) {
          if (flags[k] == 0) loss[k] = 0.0f;
        }
        if (plan.item_loss != nullptr) std::copy_n(loss, size, plan.item_loss + begin);
        if (all) {
          sums[b] = run.kernels.pairwise_sum(loss, size);
        } else {
          std::copy_n(loss, size, losses + begin);
        }
      }
    });
  });
  failure.rethrow();
  if (!all) {
    TermSum total(run.kernels);
    for_each_block(plan, [&](int64_t block, int64_t begin, int64_t size) {
      add_valid(total, losses + begin, size, valid.of_block(block, size));
    });
    return total.total();
  }
  PairwiseSum total;
  const int64_t whole = plan.items / kLossBlock;
  for (int64_t b = 0; b < whole; ++b) total.add(sums[b]);
  return total.total(whole < count ? sums[whole] : 0.0f);
}

void run_blocks(LossPlan plan, const LossBlocks &blocks, CpuContext &context, Workspace &workspace) {
  const ValidItems valid = find_valid(plan, blocks, context.kernels, workspace);
  if (plan.counts != nullptr) {
    plan.counts[0] = valid.total;
    plan.counts[1] = plan.items - valid.total;
  }
  float divisor = 1.0f;
  if (plan.reduction == GAVEL_REDUCTION_MEAN_VALID) divisor = static_cast<float>(valid.total);
  if (plan.reduction == GAVEL_REDUCTION_WEIGHTED_MEAN) divisor = sum_weights(plan, context.kernels, valid);
  const bool nothing = divisor == 0.0f;

  // item_loss is wanted even where the reduced loss is 0 by definition; its gradient then is, too.
  if (plan.dscore != nullptr) std::fill_n(plan.dscore, plan.score_count, 0.0f);
  if (nothing) plan.dscore = nullptr;

  const LossRun run{plan, context.kernels, nothing ? 0.0f : 1.0f / divisor};
  const float sum = run_items(run, blocks, valid, context, workspace);
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
