// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_f32.cu: the product for f32 heads and packed vectors.
#include "cuda/gemm_f32.h"

#include "cuda/gemm_kernels.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

template <int kItems>
__global__ void __launch_bounds__(kProductThreads, 2) f32_kernel(const __grid_constant__ Product p) {
  GAVEL_DYNAMIC_SHARED(float, tile);
  GAVEL_SHARED(NeuronParameters<kColumnNeurons>, parameters);
  const ColumnPlace place = column_place<kItems>(p);
  const int64_t neuron0 = place.tile * kTileNeurons, item0 = place.group * kItems;
  load_neuron_parameters(p, neuron0, parameters);
  wait_for_previous_kernel();
  let_next_kernel_start();
  const float *x = static_cast<const float *>(p.vectors) + item0 * step_count(p.depth) * kBlockColumns;
  multiply_f32<kItems>(p, place, x, tile);
  constexpr int kPitch = column_pitch(GAVEL_F32, kItems);
  const TileView view = {tile, kColumnNeurons * kPitch, slice_count(p.depth), neuron0, item0};
  finish_tile<GAVEL_F32, kColumnNeurons, kItems, kPitch>(
      p, view, p.epilogue.states == nullptr ? nullptr : p.epilogue.states + item0, parameters, place.group, place.groups,
      place.tiles, tile, column_tile_bytes(GAVEL_F32, kItems) / int64_t{sizeof(float)});
}

template <int kItems>
void enqueue(const Product &p, bool early, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(product_tiles(p.neurons) * divide_up(p.items, static_cast<int64_t>(kItems))));
  const size_t bytes = static_cast<size_t>(f32_shared_bytes(kItems));
  if (early) {
    launch_early(f32_kernel<kItems>, grid, kProductThreads, bytes, stream, p);
  } else {
    launch(f32_kernel<kItems>, grid, kProductThreads, bytes, stream, p);
  }
}

}  // namespace

int64_t f32_shared_bytes(int items) {
  return column_tile_bytes(GAVEL_F32, items);
}

void enqueue_f32(const Product &p, int items, bool early, cudaStream_t stream) {
  if (items == 8) return enqueue<8>(p, early, stream);
  enqueue<16>(p, early, stream);
}

}  // namespace gavel::cuda
