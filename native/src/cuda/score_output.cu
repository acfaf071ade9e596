// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_output.cu: a block an item, a warp an output at a time. A lane adds up a tile of 32 neurons, and the lanes' sums are then added one
// after another in all lanes alike.
#include "cuda/score_output.h"

#include "cuda/gemm.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;

template <int32_t kType>
__global__ void __launch_bounds__(kThreads) output_kernel(const __grid_constant__ OutputLayer l) {
  GAVEL_SHARED(int[1], found_nan);
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  if (threadIdx.x == 0) found_nan[0] = 0;
  wait_for_previous_kernel();
  __syncthreads();
  const int64_t r = blockIdx.x, tiles = divide_up(l.depth, kTileNeurons);
  const ItemState state = l.states == nullptr ? ItemState::VALID : static_cast<ItemState>(l.states[r]);
  const float *u = l.activated + r * l.depth;
  bool nan = false;
  for (int64_t k = warp; k < l.output.outputs; k += kThreads / kWarp) {
    const char *w = static_cast<const char *>(l.weight) + k * l.depth * kElementBytes<kType>;
    float sum = 0;
    for (int64_t tile0 = 0; tile0 < tiles; tile0 += kWarp) {
      float partial = 0;
      const int64_t begin = (tile0 + lane) * kTileNeurons;
      for (int64_t i = begin; i < begin + kTileNeurons; ++i) {
        // What fills up the last tile is 0 times 0.
        const bool real = i < l.depth;
        partial = fmaf(real ? u[i] : 0.0f, real ? load_element<kType>(w, i) : 0.0f, partial);
      }
      for (int t = 0; t < kWarp && tile0 + t < tiles; ++t) {
        const float next = __shfl_sync(kAllLanes, partial, t);
        sum = tile0 + t == 0 ? next : sum + next;
      }
    }
    if (lane == 0) nan |= write_score(l.output, r, k, sum, state);
  }
  if (nan) atomicExch(&found_nan[0], 1);
  __syncthreads();
  if (threadIdx.x == 0) count_item(l.output, r, state, found_nan[0] != 0);
  // A loss is a launch of its own where there are so many outputs.
  if (l.output.counts != nullptr) finish_counts(l.output, gridDim.x);
}

}  // namespace

void enqueue_output(const OutputLayer &layer, cudaStream_t stream) {
  with_type(layer.output.dtype, [&](auto type) {
    launch_early(output_kernel<decltype(type)::value>, dim3(static_cast<unsigned>(layer.output.items)), kThreads, 0, stream,
                 layer);
  });
}

}  // namespace gavel::cuda
