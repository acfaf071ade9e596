// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_fused.cu: at most 8 items in one launch: every block makes all vectors for itself in shared memory, a warp one of them, while the
// first copies of its part of W are under way. The rows are aligned; others, which are rare, would make these kernels twice as long.
//
// H200, bf16, 4096 neurons of 4096: 128 blocks on 132 SMs, one wave; 64 KiB of vectors and a ring of 128 KiB in shared memory. Under way
// in each SM: 8 steps of 8 warps of 2 KiB of W, 128 KiB, half of what a block reads; Little's law wants 23 KiB for 4.3 TB/s at 700 ns, the rest
// is what memory gives while the vectors are made. Bytes from memory: W once; the hidden states come out of the L2 cache for all blocks
// but the first, 64 KiB each.
#include "cuda/gemm_f32.h"
#include "cuda/gemm_kernels.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

constexpr int kItems = 8;
static_assert(kFewestFusedStages == kColumnStages<kItems>);

// Vector of item r, packed as row r of shared_x; zeros where there is no such item.
template <int32_t kHead, int32_t kHidden>
__device__ inline void make_vector(const Product &p, const FusedVectors &f, int r, int lane, bool to_memory, char *shared_x,
                                   uint8_t *states) {
  const int64_t width = p.depth, columns = step_count(p.depth) * kBlockColumns;
  const auto at = [&](int64_t k) { return shared_x + packed_offset(r, k, p.depth) * kElementBytes<kHead>; };
  int64_t done = 0;
  if (r < p.items) {
    const Item item = look_up_item(f.source, r, to_memory && lane == 0);
    if (lane == 0) {
      states[r] = static_cast<uint8_t>(item.state);
      if (to_memory && f.states != nullptr) f.states[r] = states[r];
    }
    const Seat seat = {0, lane};
    const StreamedVector<kHidden, 1, Rows::ALIGNED> vector(f.source, item, seat);
    const NormScale scale = find_scale<1>(f.norm, vector, width, seat, nullptr);
    vector.each([&](int, int64_t k, const float *y, int count) {
      float x[kChunk];
      finish_vector<kHead>(f.norm, scale, k, width, count, y, x);
      store_raw<kHead>(at(k), narrow_raw<kHead>(x));
      if (!to_memory || f.pooled == nullptr) return;
      for (int i = 0; i < kChunk; ++i) {
        if (i < count) f.pooled[r * f.pooled_stride + k + i] = y[i];
      }
    });
    done = divide_up(width, static_cast<int64_t>(kChunk)) * kChunk;
  }
  for (int64_t k = done + lane * kChunk; k < columns; k += kWarp * kChunk) store_raw<kHead>(at(k), Raw<kHead>{});
}

template <int32_t kHead, int32_t kHidden>
__global__ void __launch_bounds__(kProductThreads, 1)
    fused_kernel(const __grid_constant__ Product p, const __grid_constant__ FusedVectors f) {
  GAVEL_DYNAMIC_SHARED(char, shared_x);
  GAVEL_SHARED(NeuronParameters<kColumnNeurons>, parameters);
  GAVEL_SHARED(uint8_t[16], states);
  unsigned char *ring =
      reinterpret_cast<unsigned char *>(shared_x) + step_count(p.depth) * kBlockElements * kElementBytes<kHead>;
  const ColumnPlace place = column_place<kItems>(p);
  const int64_t neuron0 = place.tile * kTileNeurons;
  // The kernel before may be the one that steps the parameters.
  wait_for_previous_kernel();
  const auto prepare = [&] {
    load_neuron_parameters(p, neuron0, parameters);
    make_vector<kHead, kHidden>(p, f, place.warp, place.lane, place.tile == 0, shared_x, states);
    let_next_kernel_start();
    __syncthreads();
  };
  constexpr int kPitch = column_pitch(kHead, kItems);
  float *tile = reinterpret_cast<float *>(ring);
  if constexpr (kHead == GAVEL_F32) {
    prepare();
    multiply_f32<kItems>(p, place, reinterpret_cast<const float *>(shared_x), tile);
  } else {
    multiply_columns<kHead, kItems, true>(p, place, ring, f.stages, shared_x, prepare);
  }
  const TileView view = {tile, kColumnNeurons * kPitch, slice_count(p.depth), neuron0, 0};
  finish_tile<kHead, kColumnNeurons, kItems, kPitch>(p, view, states, parameters, 0, 1, place.tiles, tile,
                                                     column_tile_bytes(kHead, kItems) / int64_t{sizeof(float)});
}

}  // namespace

int64_t fused_shared_bytes(int32_t dtype, int64_t depth, int stages) {
  const int64_t tile = column_tile_bytes(dtype, kItems);
  const int64_t ring = dtype == GAVEL_F32 ? 0 : kColumnRingBytes<kItems, true> / kColumnStages<kItems> * stages;
  return step_count(depth) * kBlockElements * (dtype == GAVEL_F32 ? 4 : 2) + (ring > tile ? ring : tile);
}

int fused_stages(int32_t dtype, int64_t depth, const DeviceLimits &limits) {
  // Where two blocks fit a multiprocessor, one makes vectors while the other multiplies.
  const bool alone = 2 * fused_shared_bytes(dtype, depth, kFewestFusedStages) > limits.shared_bytes;
  return alone && fused_shared_bytes(dtype, depth, kManyColumnStages) <= limits.shared_bytes ? kManyColumnStages
                                                                                             : kFewestFusedStages;
}

void enqueue_fused(const Product &p, const FusedVectors &f, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(product_tiles(p.neurons)));
  const size_t bytes = static_cast<size_t>(fused_shared_bytes(p.dtype, p.depth, f.stages));
  with_type(f.source.dtype, [&](auto hidden) {
    constexpr int32_t kHidden = decltype(hidden)::value;
    if (p.dtype == GAVEL_F32) {
      launch(fused_kernel<GAVEL_F32, kHidden>, grid, kProductThreads, bytes, stream, p, f);
    } else if (p.dtype == GAVEL_F16) {
      // The hidden states of a 16-bit head are of its dtype, or means in f32.
      constexpr int32_t kOwn = kHidden == GAVEL_F32 ? GAVEL_F32 : GAVEL_F16;
      launch(fused_kernel<GAVEL_F16, kOwn>, grid, kProductThreads, bytes, stream, p, f);
    } else {
      constexpr int32_t kOwn = kHidden == GAVEL_F32 ? GAVEL_F32 : GAVEL_BF16;
      launch(fused_kernel<GAVEL_BF16, kOwn>, grid, kProductThreads, bytes, stream, p, f);
    }
  });
}

}  // namespace gavel::cuda
