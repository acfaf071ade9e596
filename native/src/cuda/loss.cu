// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The kernels of losses, one each: all phases (loss_phases.h) in one launch.
//
// A block draws a ticket, does the unit of that number, and draws the next. Units are numbered phase after phase, so whoever has drawn a unit
// knows that all units before it were drawn by blocks that run: waiting for them cannot be for ever, however few blocks the
// device runs at once. A block waits where its unit reads what an earlier phase writes; the block that finishes the last
// unit of a phase does what comes behind it and then opens the next. The last block to leave puts the counters back to 0.
//
// Cost, N scores and P pairs or G groups: 12 N bytes of scores and gradients; pairs also 48 P for their sides and gradients and 64 N for slots of
// which a score with one pair touches one sector. Waiting costs about 1 us for each of three phases. Scores in more than 16 pairs
// take two more phases. A group of more than 1024 entries is one block's work, so one group of 1e5 scores takes that block some
// 100 us: many such groups run side by side, a single one does not. PLACKETT_LUCE and STEP_RANKING keep 16 N of what they walk,
// PAIRWISE_RANKING evaluates the n^2 pairs of a group of n twice, ORDINAL the K^2 of a pair of rows of K three times.
#include "cuda/loss.h"

#include <algorithm>
#include <iterator>

#include "common/error.h"
#include "cuda/launch.h"
#include "cuda/loss_phases.h"

namespace gavel::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int64_t kMostItems = int64_t{1} << 30;

__device__ __forceinline__ void wait_for_phase(const LossTask &task, uint32_t phase) {
  if (threadIdx.x == 0) {
    // One more than the units: what comes behind the phase is done, too.
    while (atomicAdd(task.counters + 1 + phase, 0u) != task.units[phase] + 1) {
    }
  }
  __syncthreads();
  __threadfence();
}

__device__ __forceinline__ void finish_unit(const LossTask &task, LossMemory &memory, uint32_t phase) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) memory.ticket = atomicAdd(task.counters + 1 + phase, 1u);
  __syncthreads();
  if (memory.ticket + 1 != task.units[phase]) return;
  __threadfence();
  finish_loss_phase(task, phase);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(task.counters + 1 + phase, 1u);
}

template <typename Loss>
__global__ void __launch_bounds__(kThreads, Loss::kBlocks) loss_kernel(const LossTask task) {
  GAVEL_SHARED(LossMemory, memory);
  uint32_t all = 0;
  for (uint32_t phase = 0; phase < kLossPhases; ++phase) all += task.units[phase];
  for (;;) {
    __syncthreads();
    if (threadIdx.x == 0) memory.ticket = atomicAdd(task.counters, 1u);
    __syncthreads();
    uint32_t unit = memory.ticket;
    if (unit >= all) {
      if (unit == all + gridDim.x - 1 && threadIdx.x <= kLossPhases) task.counters[threadIdx.x] = 0;
      return;
    }
    uint32_t phase = 0;
    while (unit >= task.units[phase]) unit -= task.units[phase++];
    bool wanted = true;
    if (phase > kEvaluate) wait_for_phase(task, phase == kSum ? kEvaluate : kSum);
    if (phase > kSum && task.units[kPlaceShared] != 0) {
      const bool shared = __ldcg(&task.state->shared_rows) != 0;
      if (phase == kGradient && shared) wait_for_phase(task, kPlaceShared);
      if (phase == kPlaceShared && shared) wait_for_phase(task, kScanShared);
      wanted = phase == kGradient || shared;
    }
    if (wanted) run_loss_unit(task, memory, phase, unit, LossList<Loss>{});
    finish_unit(task, memory, phase);
  }
}

uint32_t divide_up(int64_t count, int64_t unit) {
  return static_cast<uint32_t>((count + unit - 1) / unit);
}

// Hands out the workspace piece by piece; with a null base only counts.
class Pieces {
 public:
  explicit Pieces(void *base) : base_(static_cast<char *>(base)) {}
  template <typename Element>
  Element *take(int64_t count) {
    char *piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (count * static_cast<int64_t>(sizeof(Element)) + 255) / 256 * 256;
    return reinterpret_cast<Element *>(piece);
  }
  int64_t used() const { return used_; }

 private:
  char *base_;
  int64_t used_ = 0;
};

// What the host must know of a loss.
struct LossKernel {
  int32_t kind;
  LossItems items;
  bool by_thread;
  int entry_floats;
  int blocks;
  void (*kernel)(LossTask);
};

template <typename... Losses>
const LossKernel &kernel_of(int32_t kind, LossList<Losses...>) {
  static const LossKernel kernels[] = {
      {Losses::kKind, Losses::kItems, Losses::kByThread, Losses::kEntryFloats, Losses::kBlocks, loss_kernel<Losses>}...};
  for (const LossKernel &kernel : kernels) {
    if (kernel.kind == kind) return kernel;
  }
  fail(GAVEL_INTERNAL, "loss %d has no CUDA kernel", kind);
}

int64_t lay_out(LossTask &task, void *workspace) {
  const LossKernel &kernel = kernel_of(task.kind, AllLosses{});
  const int64_t items = task.items, rows = task.rows;
  const bool pairs = kernel.items == LossItems::PAIRS, gradient = task.dscore != nullptr;
  const bool weighted = task.reduction == GAVEL_REDUCTION_WEIGHTED_MEAN;
  task.chunk = kernel.by_thread ? kThreadChunk : kTeamChunk;
  task.evaluating = std::max(1u, divide_up(items, task.chunk));
  task.placing = pairs && gradient ? divide_up(items, kPlacedItems) : 0;
  task.gradient_rows = std::max(1u, kGradientScores / task.width);
  task.units[kEvaluate] = task.evaluating + (pairs && gradient ? divide_up(rows, kClearedRows) : 0);
  task.units[kSum] = task.placing + std::max(1u, divide_up(items, kSummedTerms));
  task.units[kScanShared] = pairs && gradient ? divide_up(rows, kScannedRows) : 0;
  task.units[kPlaceShared] = task.placing;
  task.units[kGradient] = gradient ? divide_up(rows, task.gradient_rows) : 0;

  Pieces pieces(workspace);
  task.state = pieces.take<LossState>(1);
  task.chunk_valid = pieces.take<uint32_t>(task.evaluating);
  task.losses = pieces.take<float>(int64_t{task.evaluating} * task.chunk);
  task.loss_sums = pieces.take<float>(items / kSummedTerms);
  task.weights = weighted ? pieces.take<float>(int64_t{task.evaluating} * task.chunk) : nullptr;
  task.weight_sums = weighted ? pieces.take<float>(items / kSummedTerms) : nullptr;
  if (kernel.entry_floats != 0) task.order = pieces.take<uint32_t>(task.score_count);
  for (int i = 0; i < kernel.entry_floats; ++i) task.entries[i] = pieces.take<float>(task.score_count);
  // Pairs of rows keep sums there whose gradients nobody asks for.
  if (pairs && (gradient || !kernel.by_thread)) task.gradients = pieces.take<float>(2 * items * task.width);
  if (pairs && gradient) {
    task.sides = pieces.take<uint32_t>(2 * items);
    task.row_sides = pieces.take<uint32_t>(rows);
    task.slots = pieces.take<uint32_t>(rows * kSlots);
    task.shared_next = pieces.take<uint32_t>(rows);
    task.shared_block = pieces.take<uint32_t>(task.units[kScanShared]);
    task.shared_sides = pieces.take<uint32_t>(2 * items);
  }
  return pieces.used();
}

LossTask describe(const LossPlan &plan) {
  if (plan.items > kMostItems || plan.score_count > kMostItems) {
    fail(GAVEL_UNSUPPORTED, "%lld items over %lld scores; a loss on CUDA takes at most 2^30 of each: cut the batch",
         static_cast<long long>(plan.items), static_cast<long long>(plan.score_count));
  }
  LossTask task{};
  task.kind = plan.family->kind;
  task.reduction = plan.reduction;
  task.items = static_cast<uint32_t>(plan.items);
  task.score_count = static_cast<uint32_t>(plan.score_count);
  task.width = plan.classes == 0 ? 1 : static_cast<uint32_t>(plan.classes);
  task.rows = task.score_count / task.width;
  task.mask = plan.mask;
  static_assert(std::size(kLossNumbers) == kLossParameters);
  for (int i = 0; i < kLossParameters; ++i) {
    const PerItem &number = plan.*kLossNumbers[i].number;
    task.numbers[i] = {number.scalar, number.values};
  }
  task.pairs = plan.pairs.as<const int64_t>();
  task.pair_stride = plan.pairs.stride[0];
  task.tie_mask = plan.tie_mask;
  task.offsets = plan.offsets;
  task.target_index = plan.target_index;
  task.target_weights = plan.target_weights;
  task.ranks = plan.ranks;
  task.labels = plan.labels;
  task.targets = plan.targets;
  task.admissible = plan.admissible.as<const float>();
  task.admissible_stride = plan.admissible.stride[0];
  task.top_k = plan.top_k;
  task.item_loss = plan.item_loss;
  task.loss = plan.loss;
  task.dscore = plan.dscore;
  task.counts = plan.counts;
  return task;
}

}  // namespace

int64_t loss_workspace(const LossPlan &plan) {
  LossTask task = describe(plan);
  return lay_out(task, nullptr);
}

LossTask make_loss_task(const LossPlan &plan, const float *scores, int64_t score_stride, const uint8_t *valid, int64_t outputs,
                        Fault *fault, uint32_t *counters, void *workspace) {
  LossTask task = describe(plan);
  lay_out(task, workspace);
  task.scores = scores;
  task.score_stride = score_stride;
  task.valid = valid;
  task.outputs = static_cast<uint32_t>(outputs);
  task.fault = fault;
  task.counters = counters;
  return task;
}

void launch_loss(const LossTask &task, int sm_count, cudaStream_t stream) {
  const LossKernel &kernel = kernel_of(task.kind, AllLosses{});
  int64_t units = 0;
  for (const uint32_t phase : task.units) units += phase;
  const auto blocks = static_cast<unsigned>(std::min<int64_t>(units, int64_t{kernel.blocks} * sm_count));
  launch(kernel.kernel, dim3(blocks), kThreads, 0, stream, task);
}

}  // namespace gavel::cuda
