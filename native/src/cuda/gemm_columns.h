// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_columns.h: what the kernels for few items share (gemm_columns.cu, gemm_fused.cu, gemm_f32.cu): a block takes 32 neurons and kItems
// items, and each of its 8 warps one slice of the depth, so the whole of W goes through the chip once, 32 rows a block.
#ifndef GAVEL_CUDA_GEMM_COLUMNS_H
#define GAVEL_CUDA_GEMM_COLUMNS_H

#include "cuda/gemm_epilogue.h"

namespace gavel::cuda {

constexpr int kColumnNeurons = static_cast<int>(kTileNeurons);

// Which part of the product a block has, and which part of the depth a warp.
struct ColumnPlace {
  int64_t tile;
  int64_t group;
  int64_t tiles;
  int64_t groups;
  int warp;
  int lane;
  int64_t begin;  // first step of the warp's slice
  int steps;      // of the slice; 0 where the depth has fewer slices
};

template <int kItems>
__device__ inline ColumnPlace column_place(const Product &p) {
  ColumnPlace place;
  place.tiles = divide_up(p.neurons, kTileNeurons);
  place.groups = divide_up(p.items, static_cast<int64_t>(kItems));
  // Neighbouring blocks share their items: those of X stay in the L2 cache while W goes by.
  place.tile = blockIdx.x % place.tiles;
  place.group = blockIdx.x / place.tiles;
  place.warp = static_cast<int>(threadIdx.x) / kWarp;
  place.lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t all = step_count(p.depth), slice = slice_steps(p.depth);
  place.begin = place.warp * slice;
  const int64_t left = all - place.begin;
  place.steps = static_cast<int>(left < 0 ? 0 : left < slice ? left : slice);
  return place;
}

// A row of the tile in shared memory: wide enough that the lanes of a fragment, 8 rows of 4 pairs, meet different banks.
__host__ __device__ constexpr int column_pitch(int32_t dtype, int items) {
  return dtype == GAVEL_F32 ? items + 1 : items == 8 ? 8 : items + 8;
}
__host__ __device__ constexpr int64_t column_tile_bytes(int32_t dtype, int items) {
  return int64_t{kMostSlices} * kColumnNeurons * column_pitch(dtype, items) * int64_t{sizeof(float)};
}

// Each lane's copies of the blocks of 512 bytes of a step, kept in a ring of its own: a lane reads back what it has copied itself, so the
// ring needs no barrier, and the bytes under way need no registers.
constexpr int kStepBytes = 512;

template <int kItems>
constexpr int kColumnStages = kItems == 64 ? 3 : 4;
// Where vectors are made in front of the product: half of W's slices at 4096 columns come meanwhile.
constexpr int kManyColumnStages = 8;
// Blocks of a step: 4 of W, and X's unless X is in shared memory as a whole.
template <int kItems, bool kFused>
constexpr int kColumnBlocks = 4 + (kFused ? 0 : kItems / 8);
template <int kItems, bool kFused>
constexpr int64_t kColumnRingBytes = int64_t{8} * kColumnStages<kItems> *kColumnBlocks<kItems, kFused> *kStepBytes;

// sums[m][n] += the two mma of one step: w holds the four blocks of W, x those of X.
template <int32_t kType, int kItems>
__device__ inline void multiply_step(float (&sums)[2][kItems / 8][4], const uint4 (&w)[4], const uint4 (&x)[kItems / 8]) {
  GAVEL_UNROLL
  for (int half = 0; half < 2; ++half) {
    GAVEL_UNROLL
    for (int m = 0; m < 2; ++m) {
      const uint4 &upper = w[2 * m], &lower = w[2 * m + 1];
      const uint32_t a[4] = {half ? upper.z : upper.x, half ? lower.z : lower.x, half ? upper.w : upper.y,
                             half ? lower.w : lower.y};
      GAVEL_UNROLL
      for (int n = 0; n < kItems / 8; ++n) {
        const uint32_t b[2] = {half ? x[n].z : x[n].x, half ? x[n].w : x[n].y};
        if constexpr (kType == GAVEL_F16) {
          mma_16816_f16(sums[m][n], a, b);
        } else {
          mma_16816_bf16(sums[m][n], a, b);
        }
      }
    }
  }
}

// The warp's sums to its plane of the tile.
template <int kItems, int kPitch>
__device__ inline void store_sums(const ColumnPlace &place, const float (&sums)[2][kItems / 8][4], float *tile) {
  float *plane = tile + place.warp * kColumnNeurons * kPitch;
  const int row = place.lane / 4, column = place.lane % 4 * 2;
  GAVEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    GAVEL_UNROLL
    for (int n = 0; n < kItems / 8; ++n) {
      float *at = plane + (16 * m + row) * kPitch + 8 * n + column;
      *reinterpret_cast<float2 *>(at) = {sums[m][n][0], sums[m][n][1]};
      *reinterpret_cast<float2 *>(at + 8 * kPitch) = {sums[m][n][2], sums[m][n][3]};
    }
  }
}

// The product of a block, from W through the ring and X either through it too or, kFused, from shared_x (packed, 8 items). stages: of the ring,
// kColumnStages, or with kFused kManyColumnStages. prepare() runs between the first copies of W and the first use of X; it may contain
// barriers. All warps are through when it returns.
template <int32_t kType, int kItems, bool kFused, typename Prepare>
__device__ inline void multiply_columns(const Product &p, const ColumnPlace &place, unsigned char *ring, int stages,
                                        const char *shared_x, Prepare &&prepare) {
  constexpr int kBlocks = kColumnBlocks<kItems, kFused>, kXBlocks = kItems / 8;
  const int64_t steps = step_count(p.depth);
  unsigned char *mine = ring + place.warp * (stages * kBlocks * kStepBytes) + place.lane * 16;
  const auto slot = [&](int step, int block) {
    return mine + ((kFused ? step & (stages - 1) : step % stages) * kBlocks + block) * kStepBytes;
  };
  const char *w =
      static_cast<const char *>(p.weight) + place.tile * 4 * steps * kStepBytes + place.begin * kStepBytes + place.lane * 16;
  const char *x = static_cast<const char *>(p.vectors) + place.group * kXBlocks * steps * kStepBytes +
                  place.begin * kStepBytes + place.lane * 16;
  const auto copy_w = [&](int step) {
    if (step >= place.steps) return;
    GAVEL_UNROLL
    for (int b = 0; b < 4; ++b) copy_async_16(slot(step, b), w + (b * steps + step) * kStepBytes);
  };
  const auto copy_x = [&]([[maybe_unused]] int step) {
    if constexpr (!kFused) {
      if (step >= place.steps) return;
      GAVEL_UNROLL
      for (int b = 0; b < kXBlocks; ++b) copy_async_16(slot(step, 4 + b), x + (b * steps + step) * kStepBytes);
    }
  };
  for (int stage = 0; stage < stages; ++stage) copy_w(stage);
  prepare();
  for (int stage = 0; stage < stages; ++stage) {
    copy_x(stage);
    copy_async_commit();
  }
  float sums[2][kXBlocks][4] = {};
  for (int step = 0; step < place.steps; ++step) {
    if (kFused && stages == kManyColumnStages) {
      copy_async_wait<kManyColumnStages - 1>();
    } else {
      copy_async_wait<kColumnStages<kItems> - 1>();
    }
    uint4 w_now[4], x_now[kXBlocks];
    GAVEL_UNROLL
    for (int b = 0; b < 4; ++b) w_now[b] = *reinterpret_cast<const uint4 *>(slot(step, b));
    GAVEL_UNROLL
    for (int b = 0; b < kXBlocks; ++b) {
      const void *from = slot(step, 4 + b);
      if constexpr (kFused) from = shared_x + (place.begin + step) * kStepBytes + place.lane * 16;
      x_now[b] = *static_cast<const uint4 *>(from);
    }
    multiply_step<kType, kItems>(sums, w_now, x_now);
    // The slot is free: what it held has gone into the products.
    copy_w(step + stages);
    copy_x(step + stages);
    copy_async_commit();
  }
  copy_async_wait<0>();
  // The tile takes the ring's place.
  __syncthreads();
  store_sums<kItems, column_pitch(kType, kItems)>(place, sums, reinterpret_cast<float *>(ring));
}

}  // namespace gavel::cuda

#endif
