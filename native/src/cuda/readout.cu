// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.cu: a warp an item. The logits of one are a few dozen numbers that were written just before and lie in the L2 cache: what is
// paid is the launch. Warps go from item to item, so that scratch does not grow with the batch.
#include "cuda/readout.h"

#include <algorithm>

#include "common/read_out.h"
#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/report_fault.h"
#include "cuda/stream.h"
#include "cuda/team.h"
#include "cuda/warp_walk.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
// Enough for 132 SMs of 8 blocks; fewer where rows are so wide that their scratch would pass 64 MiB.
constexpr int64_t kMostWarps = 132 * 8 * kWarps;
constexpr int64_t kMostScratch = int64_t{16} << 20;

int64_t warp_floats(const ReadoutRow &row) {
  // Whole cache lines, so that no two warps write one.
  return padded(std::max<int64_t>(readout_scratch(row), 1), int64_t{32});
}

int64_t block_count(const ReadoutRow &row, int64_t items) {
  const int64_t most = std::clamp<int64_t>(kMostScratch / warp_floats(row), kWarps, kMostWarps) / kWarps;
  return std::min(most, divide_up(items, int64_t{kWarps}));
}

__device__ __forceinline__ int64_t my_warp() {
  return int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
}

// Canonical NaNs; whether there was one, to every lane.
__device__ inline bool canonical_row(float *values, int64_t n) {
  bool nan = false;
  WarpWalk::each(n, [&](int64_t k) {
    nan |= values[k] != values[k];
    values[k] = canonical(values[k]);
  });
  return __any_sync(kAllLanes, nan) != 0;
}

__device__ inline void fill_row(float *values, int64_t n, float value) {
  if (values != nullptr) WarpWalk::each(n, [&](int64_t k) { values[k] = value; });
}

__device__ inline void check_values(Fault *fault, ReadoutNumbers which, const float *values, int64_t count) {
  for (int64_t k = threadIdx.x; values != nullptr && k < count; k += kThreads) {
    if (!is_finite(values[k])) report_fault(fault, kFaultReadout, k, __float_as_uint(values[k]), which);
  }
}

__device__ inline void check_numbers(const ReadoutTask &task) {
  const ReadoutRow &row = task.row;
  check_values(task.fault, kReadoutLevels, row.levels, row.width);
  check_values(task.fault, kReadoutWeights, row.weights, row.objective_count);
  for (int64_t j = 0; row.transform != nullptr && j < row.objective_count; ++j) {
    check_values(task.fault, kReadoutTransform, row.transform + j * row.transform_stride, row.objective_count);
  }
}

// Not inlined: what is the same for all items would be decided before their loop, and kept in more predicates than there are (sm_90a).
static __device__ __noinline__ void read_out_item(const ReadoutTask &task, int64_t r, float *scratch) {
  const ReadoutRow &row = task.row;
  const auto state = static_cast<ItemState>(task.states[r]);
  float *scores = task.scores.row(r), *objectives = task.objectives.row(r), *weights = task.gate_weights.row(r);
  bool nan = false;
  if (state == ItemState::INVALID) {
    const float none = __uint_as_float(0xff800000u);
    fill_row(scores, row.scores, none);
    fill_row(objectives, row.objective_count, none);
    fill_row(weights, row.gate_weights, 0.0f);
  } else {
    read_out_row<WarpWalk>(row, task.logits.row(r), task.gate.row(r), scratch, scores, objectives, weights);
    nan = canonical_row(scores, row.scores);
    if (objectives != nullptr) canonical_row(objectives, row.objective_count);
    if (weights != nullptr) canonical_row(weights, row.gate_weights);
  }
  if (WarpWalk::lane() == 0) count_item(task.output, r, state, nan);
}

__global__ void __launch_bounds__(kThreads) readout_kernel(const __grid_constant__ ReadoutTask task) {
  if (blockIdx.x == 0) check_numbers(task);
  float *scratch = task.scratch + my_warp() * task.scratch_floats;
  for (int64_t r = my_warp(); r < task.items; r += int64_t{gridDim.x} * kWarps) read_out_item(task, r, scratch);
  if (task.output.counts != nullptr) finish_counts(task.output, gridDim.x);
}

// Without the 2 ptxas keeps to 64 registers, and spills.
__global__ void __launch_bounds__(kThreads, 2) readout_gradient_kernel(const __grid_constant__ ReadoutGradientTask task) {
  const ReadoutRow &row = task.row;
  float *scratch = task.scratch + my_warp() * task.scratch_floats;
  for (int64_t r = my_warp(); r < task.source.items; r += int64_t{gridDim.x} * kWarps) {
    const ItemState state = look_up_item(task.source, r, WarpWalk::lane() == 0).state;
    if (state != ItemState::VALID) {
      const float fill = state == ItemState::FAULT ? __uint_as_float(0x7fc00000u) : 0.0f;
      fill_row(task.dlogits.row(r), row.logits, fill);
      fill_row(task.dgate.row(r), row.gate_outputs, fill);
      if (task.dgate_scale != nullptr) WarpWalk::put(task.dgate_scale + r, fill);
      continue;
    }
    const float *logits = task.logits.row(r), *gate = task.gate.row(r), *dscore = task.dscore.row(r);
    read_out_row_gradient<WarpWalk>(row, logits, gate, dscore, scratch, task.dlogits.row(r), task.dgate.row(r));
    if (task.dgate_scale == nullptr) continue;
    WarpWalk::put(task.dgate_scale + r, gate_scale_gradient_row<WarpWalk>(row, logits, gate, dscore[0], scratch));
  }
}

// One warp: 32 terms at a time, of which those of invalid items are left out, as the CPU leaves them out.
__global__ void __launch_bounds__(kWarp)
    scale_sum_kernel(const __grid_constant__ Source source, const float *terms, float *target, bool overwrite) {
  GAVEL_SHARED(TeamMemory, memory);
  LaneTeam<kWarp> team(memory);
  team.start_sum();
  for (int64_t begin = 0; begin < source.items; begin += kWarp) {
    const int64_t r = begin + WarpWalk::lane();
    const bool counts = r < source.items && look_up_item(source, r, false).state != ItemState::INVALID;
    team.add(counts, counts ? terms[r] : 0.0f, false);
  }
  const float sum = team.total();
  if (WarpWalk::lane() == 0) *target = overwrite ? sum : *target + sum;
}

}  // namespace

int64_t readout_scratch_floats(const ReadoutRow &row, int64_t items) {
  return block_count(row, items) * kWarps * warp_floats(row);
}

void enqueue_readout(const ReadoutTask &task, Stream &stream) {
  ReadoutTask sized = task;
  sized.scratch_floats = warp_floats(task.row);
  launch(readout_kernel, dim3(static_cast<unsigned>(block_count(task.row, task.items))), kThreads, 0, stream.native, sized);
}

void enqueue_readout_gradient(const ReadoutGradientTask &task, Stream &stream) {
  ReadoutGradientTask sized = task;
  sized.scratch_floats = warp_floats(task.row);
  launch(readout_gradient_kernel, dim3(static_cast<unsigned>(block_count(task.row, task.source.items))), kThreads, 0,
         stream.native, sized);
}

void enqueue_scale_sum(const Source &source, const float *terms, float *target, bool overwrite, Stream &stream) {
  launch(scale_sum_kernel, dim3(1), kWarp, 0, stream.native, source, terms, target, overwrite);
}

}  // namespace gavel::cuda
