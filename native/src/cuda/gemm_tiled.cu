// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_tiled.cu: the product for many items, 16-bit: a block takes 128 neurons and 128 items, each of its 8 warps 64 by 32.
//
// Per step of 32 columns a block copies 16 KiB to shared memory (4 stages, 64 KiB, 48 KiB of them under way) and reads 48 KiB of it:
// 12 conflict-free 16-byte accesses a warp for 32 mma. At 128 bytes a clock that is 384 clocks for 1.05 MFLOP, as long as the mma take
// at 60 % of the tensor cores' rate: neither waits for the other. 128 accumulators a thread (a slice's and the sum of slices before it)
// allow one block an SM; 1024 items of 4096 neurons are 256 blocks, 1.94 waves on 132 SMs.
#include "cuda/gemm_epilogue.h"
#include "cuda/gemm_kernels.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

constexpr int kSide = 128;  // neurons, and items, of a block
constexpr int kSideBlocks = kSide / static_cast<int>(kBlockRows);
constexpr int kStages = 4;
constexpr int kBlockBytes = 512;
constexpr int kStageBytes = 2 * kSideBlocks * kBlockBytes;
// 4 more than a multiple of 32: the lanes of a fragment, 8 rows of 4 pairs, then meet each bank twice; without, eight times.
constexpr int kPitch = kSide + 4;
constexpr int64_t kTileBytes = int64_t{kSide} * kPitch * int64_t{sizeof(float)};
// A warp's part: 4 fragments of 16 neurons, 4 of 8 items.
constexpr int kNeuronFragments = 4;
constexpr int kItemFragments = 4;

template <int32_t kType>
__device__ inline void multiply_tile_step(float (&sums)[kNeuronFragments][kItemFragments][4], const unsigned char *w,
                                          const unsigned char *x) {
  uint4 x_now[kItemFragments];
  GAVEL_UNROLL
  for (int n = 0; n < kItemFragments; ++n) x_now[n] = *reinterpret_cast<const uint4 *>(x + n * kBlockBytes);
  GAVEL_UNROLL
  for (int m = 0; m < kNeuronFragments; ++m) {
    const uint4 upper = *reinterpret_cast<const uint4 *>(w + 2 * m * kBlockBytes);
    const uint4 lower = *reinterpret_cast<const uint4 *>(w + (2 * m + 1) * kBlockBytes);
    GAVEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      const uint32_t a[4] = {half ? upper.z : upper.x, half ? lower.z : lower.x, half ? upper.w : upper.y,
                             half ? lower.w : lower.y};
      GAVEL_UNROLL
      for (int n = 0; n < kItemFragments; ++n) {
        const uint32_t b[2] = {half ? x_now[n].z : x_now[n].x, half ? x_now[n].w : x_now[n].y};
        if constexpr (kType == GAVEL_F16) {
          mma_16816_f16(sums[m][n], a, b);
        } else {
          mma_16816_bf16(sums[m][n], a, b);
        }
      }
    }
  }
}

template <int32_t kType>
__global__ void __launch_bounds__(kProductThreads, 1) tiled_kernel(const __grid_constant__ Product p) {
  GAVEL_DYNAMIC_SHARED(unsigned char, stages);
  GAVEL_SHARED(NeuronParameters<kSide>, parameters);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const int64_t across = divide_up(p.neurons, static_cast<int64_t>(kSide));
  const int64_t group = blockIdx.x / across, item0 = group * kSide, neuron0 = blockIdx.x % across * kSide;
  const int steps = static_cast<int>(step_count(p.depth)), slice = static_cast<int>(slice_steps(p.depth));
  const int64_t last_rows = padded(p.neurons, kTileNeurons) / kBlockRows - 1;

  // Thread t copies 16 bytes of the blocks t / 32 and t / 32 + 8 of W and of X.
  const char *w_from[2], *x_from[2];
  for (int i = 0; i < 2; ++i) {
    const int64_t block = warp + 8 * i;
    // Rows of W behind its end repeat the last ones; what they give is not used.
    const int64_t rows = neuron0 / kBlockRows + block < last_rows ? neuron0 / kBlockRows + block : last_rows;
    w_from[i] = static_cast<const char *>(p.weight) + rows * steps * kBlockBytes + lane * 16;
    x_from[i] = static_cast<const char *>(p.vectors) + (item0 / kBlockRows + block) * steps * kBlockBytes + lane * 16;
  }
  const auto stage_of = [&](int step) { return stages + step % kStages * kStageBytes; };
  const auto copy_w = [&](int step) {
    if (step >= steps) return;
    for (int i = 0; i < 2; ++i) {
      copy_async_16(stage_of(step) + (warp + 8 * i) * kBlockBytes + lane * 16, w_from[i] + step * kBlockBytes);
    }
  };
  const auto copy_x = [&](int step) {
    if (step >= steps) return;
    for (int i = 0; i < 2; ++i) {
      copy_async_16(stage_of(step) + (kSideBlocks + warp + 8 * i) * kBlockBytes + lane * 16, x_from[i] + step * kBlockBytes);
    }
  };
  for (int stage = 0; stage < kStages - 1; ++stage) copy_w(stage);
  load_neuron_parameters(p, neuron0, parameters);
  wait_for_previous_kernel();
  let_next_kernel_start();
  for (int stage = 0; stage < kStages - 1; ++stage) {
    copy_x(stage);
    copy_async_commit();
  }

  const int neurons = warp / 4 * 64, items = warp % 4 * 32;  // where the warp's part begins
  float total[kNeuronFragments][kItemFragments][4], sums[kNeuronFragments][kItemFragments][4] = {};
  int left = slice;
  bool first = true;
  for (int step = 0; step < steps; ++step) {
    copy_async_wait<kStages - 2>();
    // The stage's bytes are there for all, and all are through with the stage that is filled next.
    __syncthreads();
    copy_w(step + kStages - 1);
    copy_x(step + kStages - 1);
    copy_async_commit();
    const unsigned char *stage = stage_of(step) + lane * 16;
    multiply_tile_step<kType>(sums, stage + neurons / 8 * kBlockBytes, stage + (kSideBlocks + items / 8) * kBlockBytes);
    if (--left > 0 && step + 1 < steps) continue;
    left = slice;
    GAVEL_UNROLL
    for (int m = 0; m < kNeuronFragments; ++m) {
      GAVEL_UNROLL
      for (int n = 0; n < kItemFragments; ++n) {
        GAVEL_UNROLL
        for (int i = 0; i < 4; ++i) {
          total[m][n][i] = first ? sums[m][n][i] : total[m][n][i] + sums[m][n][i];
          sums[m][n][i] = 0;
        }
      }
    }
    first = false;
  }
  copy_async_wait<0>();
  // The tile takes the stages' place.
  __syncthreads();
  float *tile = reinterpret_cast<float *>(stages);
  GAVEL_UNROLL
  for (int m = 0; m < kNeuronFragments; ++m) {
    GAVEL_UNROLL
    for (int n = 0; n < kItemFragments; ++n) {
      float *at = tile + (neurons + 16 * m + lane / 4) * kPitch + items + 8 * n + lane % 4 * 2;
      *reinterpret_cast<float2 *>(at) = {total[m][n][0], total[m][n][1]};
      *reinterpret_cast<float2 *>(at + 8 * kPitch) = {total[m][n][2], total[m][n][3]};
    }
  }
  const TileView view = {tile, 0, 1, neuron0, item0};
  finish_tile<kType, kSide, kSide, kPitch>(p, view, p.epilogue.states == nullptr ? nullptr : p.epilogue.states + item0,
                                           parameters, group, divide_up(p.items, static_cast<int64_t>(kSide)), across, tile,
                                           kTileBytes / int64_t{sizeof(float)});
}

}  // namespace

int64_t tiled_shared_bytes() {
  return kTileBytes > kStages * kStageBytes ? kTileBytes : kStages * kStageBytes;
}

void enqueue_tiled(const Product &p, bool early, cudaStream_t stream) {
  const int64_t side = kSide;
  const dim3 grid(static_cast<unsigned>(divide_up(p.neurons, side) * divide_up(p.items, side)));
  const auto kernel = p.dtype == GAVEL_F16 ? tiled_kernel<GAVEL_F16> : tiled_kernel<GAVEL_BF16>;
  const size_t bytes = static_cast<size_t>(tiled_shared_bytes());
  if (early) {
    launch_early(kernel, grid, kProductThreads, bytes, stream, p);
  } else {
    launch(kernel, grid, kProductThreads, bytes, stream, p);
  }
}

}  // namespace gavel::cuda
