// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_output.cu: a block an item, a warp an output at a time. A lane adds up a tile of 32 neurons, and the lanes' sums are then added
// in all lanes alike.
#include "cuda/score_output.h"

#include "cuda/chains.h"
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
    TileSum sum;
    for (int64_t tile0 = 0; tile0 < tiles; tile0 += kWarp) {
      const int64_t begin = (tile0 + lane) * kTileNeurons;
      const float partial = add_in_pairs([&](int i, float chain) {
        // What fills up the last tile is 0 times 0.
        const bool real = begin + i < l.depth;
        return fmaf(real ? u[begin + i] : 0.0f, real ? load_element<kType>(w, begin + i) : 0.0f, chain);
      });
      for (int t = 0; t < kWarp && tile0 + t < tiles; ++t) {
        sum.add(tile0 + t, __shfl_sync(kAllLanes, partial, t));
      }
    }
    if (lane == 0) nan |= write_score(l.output, r, k, sum.total(), state);
  }
  if (nan) atomicExch(&found_nan[0], 1);
  __syncthreads();
  if (threadIdx.x == 0) count_item(l.output, r, state, found_nan[0] != 0);
  // A loss is a launch of its own where there are so many outputs.
  if (l.output.counts != nullptr) finish_counts(l.output, gridDim.x);
}

}  // namespace

void enqueue_output(const OutputLayer &layer, bool early, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(layer.output.items));
  with_type(layer.output.dtype, [&](auto type) {
    if (early) {
      launch_early(output_kernel<decltype(type)::value>, grid, kThreads, 0, stream, layer);
    } else {
      launch(output_kernel<decltype(type)::value>, grid, kThreads, 0, stream, layer);
    }
  });
}

}  // namespace gavel::cuda
