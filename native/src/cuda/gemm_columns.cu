// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_columns.cu: the product for 9 to 64 items (and more, while the tiles of gemm_tiled.cu would not fill the device), 16-bit.
//
// H200, 4096 neurons of 4096, 64 items: 128 blocks on 132 SMs, one wave, 8 warps an SM. Under way in each SM: 3 steps of 8 warps of
// 2 KiB of W and 4 KiB of X, 48 KiB and 96 KiB; Little's law wants 23 KiB an SM for 4.3 TB/s at 700 ns. Bytes: W 33.5 MB once from
// memory, X 0.5 MB a block from the L2 cache, 67 MB.
#include "cuda/gemm_columns.h"
#include "cuda/gemm_kernels.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

template <int32_t kType, int kItems>
__global__ void __launch_bounds__(kProductThreads, 1) columns_kernel(const __grid_constant__ Product p) {
  GAVEL_DYNAMIC_SHARED(unsigned char, ring);
  GAVEL_SHARED(NeuronParameters<kColumnNeurons>, parameters);
  const ColumnPlace place = column_place<kItems>(p);
  const int64_t neuron0 = place.tile * kTileNeurons, item0 = place.group * kItems;
  multiply_columns<kType, kItems, false>(p, place, ring, kColumnStages<kItems>, nullptr, [&] {
    load_neuron_parameters(p, neuron0, parameters);
    wait_for_previous_kernel();
    let_next_kernel_start();
  });
  constexpr int kPitch = column_pitch(kType, kItems);
  float *tile = reinterpret_cast<float *>(ring);
  const TileView view = {tile, kColumnNeurons * kPitch, slice_count(p.depth), neuron0, item0};
  finish_tile<kType, kColumnNeurons, kItems, kPitch>(
      p, view, p.epilogue.states == nullptr ? nullptr : p.epilogue.states + item0, parameters, place.group, place.groups,
      place.tiles, tile, column_tile_bytes(kType, kItems) / int64_t{sizeof(float)});
}

template <int32_t kType, int kItems>
void enqueue(const Product &p, bool early, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(product_tiles(p.neurons) * divide_up(p.items, static_cast<int64_t>(kItems))));
  const size_t bytes = static_cast<size_t>(columns_shared_bytes(kType, kItems));
  if (early) {
    launch_early(columns_kernel<kType, kItems>, grid, kProductThreads, bytes, stream, p);
  } else {
    launch(columns_kernel<kType, kItems>, grid, kProductThreads, bytes, stream, p);
  }
}

template <int32_t kType>
void enqueue_for(const Product &p, int items, bool early, cudaStream_t stream) {
  if (items == 8) return enqueue<kType, 8>(p, early, stream);
  if (items == 16) return enqueue<kType, 16>(p, early, stream);
  if (items == 32) return enqueue<kType, 32>(p, early, stream);
  enqueue<kType, 64>(p, early, stream);
}

}  // namespace

int64_t columns_shared_bytes(int32_t dtype, int items) {
  const int64_t ring = items == 8    ? kColumnRingBytes<8, false>
                       : items == 16 ? kColumnRingBytes<16, false>
                       : items == 32 ? kColumnRingBytes<32, false>
                                     : kColumnRingBytes<64, false>;
  const int64_t tile = column_tile_bytes(dtype, items);
  return ring > tile ? ring : tile;
}

void enqueue_columns(const Product &p, int items, bool early, cudaStream_t stream) {
  if (p.dtype == GAVEL_F16) return enqueue_for<GAVEL_F16>(p, items, early, stream);
  enqueue_for<GAVEL_BF16>(p, items, early, stream);
}

}  // namespace gavel::cuda
