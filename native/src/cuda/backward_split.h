// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_split.h: the products of 16-bit heads on tensor cores, with f32 accuracy. The left side (a gradient, f32) is cut into three bf16
// numbers whose sum it is exactly: its 24 bits, eight at a time. The right side (inputs or weights) is a bf16 number, or an f16 one, which two
// bf16 numbers hold exactly. Every product of parts is exact, and all are added in f32: mma m16n8k16, smallest parts first. What is not
// finite stays so, but with f16 an infinite gradient gives NaN.
//
// A block of 4 warps makes 64 x 128 sums (or 64 x 32, where that makes too few blocks to fill the device), a warp half of each side; 32
// steps of the depth are in shared memory as pairs of neighbouring steps, which is how the instruction wants both sides. Sums of 32
// steps are added in order, so a result is a function of the depth of the product alone.
#ifndef GAVEL_CUDA_BACKWARD_SPLIT_H
#define GAVEL_CUDA_BACKWARD_SPLIT_H

#include "common/error.h"
#include "cuda/backward_operands.h"
#include "cuda/launch.h"
#include "cuda/ptx.h"

namespace gavel::cuda {

namespace split {

constexpr int kThreads = 128;
constexpr int kRows = 64;
// Steps of the depth added one after another from 0, before that sum is added to the others.
constexpr int kAddedSteps = 32;
constexpr int kPairs = kAddedSteps / 2;
constexpr int kLeftParts = 3;
// Words between pairs: 8 more than a multiple of 32, so that the 4 pairs and 8 columns a warp reads at once lie in 32 banks.
constexpr int kLeftStride = kRows + 8;
// From this many blocks of 64 x 128 on, the device is full.
constexpr int64_t kManyBlocks = 256;

// The highest 16 bits are a bf16 number; what they leave is exact.
__device__ __forceinline__ uint32_t take_part(float &value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) {
    // An infinity or NaN stays what it is, and leaves nothing.
    value = 0;
    return (bits & 0x007fffffu) != 0 ? 0x7fc0u : bits >> 16;
  }
  value = value - __uint_as_float(bits & 0xffff0000u);
  return bits >> 16;
}

template <int kParts>
__device__ __forceinline__ void take_pair(float low, float high, uint32_t words[kParts]) {
  GAVEL_UNROLL
  for (int part = 0; part < kParts; ++part) {
    const uint32_t first = take_part(low);
    words[part] = first | take_part(high) << 16;
  }
}

template <int kColumns, int kRightParts, typename Left, typename Right>
__global__ void __launch_bounds__(kThreads, 2)
    product_kernel(const ProductShape shape, const Left left, const Right right, const bool pairs_aligned) {
  constexpr int kRightStride = kColumns + 8;
  constexpr int kRowTiles = 2, kColumnTiles = kColumns / 16;  // of a warp: 16 rows, 8 columns
  GAVEL_SHARED(uint32_t[kLeftParts][kPairs][kLeftStride], lefts);
  GAVEL_SHARED(uint32_t[kRightParts][kPairs][kRightStride], rights);
  const int64_t first_row = int64_t{blockIdx.y} * kRows, first_column = int64_t{blockIdx.x} * kColumns;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp;
  const int group = thread % kWarp / 4, lane = thread % 4;
  const int my_row = warp / 2 * (kRows / 2), my_column = warp % 2 * (kColumns / 2);
  float total[kRowTiles][kColumnTiles][4] = {};
  // Of word i, step pair and row or column, as dealt to the threads.
  const auto left_pair = [](int i) { return Left::kDepthFirst ? i % kPairs : i / kRows; };
  const auto left_row = [](int i) { return Left::kDepthFirst ? i / kPairs : i % kRows; };
  const auto load_left = [&](int64_t base, int i) -> float2 {
    const int64_t k = base + 2 * left_pair(i), m = first_row + left_row(i);
    const bool inside = m < shape.rows;
    return {inside && k < shape.depth ? left.at(k, m) : 0.0f, inside && k + 1 < shape.depth ? left.at(k + 1, m) : 0.0f};
  };
  const auto keep_left = [&](int i, const float2 &steps) {
    uint32_t words[kLeftParts];
    take_pair<kLeftParts>(steps.x, steps.y, words);
    for (int part = 0; part < kLeftParts; ++part) lefts[part][left_pair(i)][left_row(i)] = words[part];
  };
  const auto load_right = [&](int64_t base, int i) -> float2 {
    const int64_t k = base + 2 * (i / kColumns), n = first_column + i % kColumns;
    const bool inside = n < shape.columns;
    return {inside && k < shape.depth ? right.at(k, n) : 0.0f, inside && k + 1 < shape.depth ? right.at(k + 1, n) : 0.0f};
  };
  const auto keep_right = [&](int i, const float2 &steps) {
    uint32_t words[kRightParts];
    take_pair<kRightParts>(steps.x, steps.y, words);
    for (int part = 0; part < kRightParts; ++part) rights[part][i / kColumns][i % kColumns] = words[part];
  };
  // Narrow tiles stand where few blocks walk a long depth: their next steps are loaded while these are multiplied, or each turn would wait for
  // memory. Wide ones have no registers for that, and other blocks beside them.
  constexpr bool kAhead = kColumns == 32;
  constexpr int kMyLefts = kPairs * kRows / kThreads, kMyRights = kPairs * kColumns / kThreads;
  [[maybe_unused]] float2 next_left[kMyLefts], next_right[kMyRights];
  const auto load_ahead = [&](int64_t base) {
    GAVEL_UNROLL
    for (int i = 0; i < kMyLefts; ++i) next_left[i] = load_left(base, thread + i * kThreads);
    GAVEL_UNROLL
    for (int i = 0; i < kMyRights; ++i) next_right[i] = load_right(base, thread + i * kThreads);
  };
  if constexpr (kAhead) load_ahead(0);
  for (int64_t base = 0; base < shape.depth; base += kAddedSteps) {
    __syncthreads();
    if constexpr (kAhead) {
      GAVEL_UNROLL
      for (int i = 0; i < kMyLefts; ++i) keep_left(thread + i * kThreads, next_left[i]);
      GAVEL_UNROLL
      for (int i = 0; i < kMyRights; ++i) keep_right(thread + i * kThreads, next_right[i]);
    } else {
      GAVEL_UNROLL_BY(4)
      for (int i = thread; i < kPairs * kRows; i += kThreads) keep_left(i, load_left(base, i));
      GAVEL_UNROLL_BY(4)
      for (int i = thread; i < kPairs * kColumns; i += kThreads) keep_right(i, load_right(base, i));
    }
    __syncthreads();
    if constexpr (kAhead) load_ahead(base + kAddedSteps);
    float sums[kRowTiles][kColumnTiles][4] = {};
    for (int step = 0; step < kPairs; step += 8) {
      GAVEL_UNROLL
      for (int part = kLeftParts - 1; part >= 0; --part) {
        uint32_t a[kRowTiles][4];
        GAVEL_UNROLL
        for (int tile = 0; tile < kRowTiles; ++tile) {
          const int row = my_row + 16 * tile + group;
          a[tile][0] = lefts[part][step + lane][row];
          a[tile][1] = lefts[part][step + lane][row + 8];
          a[tile][2] = lefts[part][step + lane + 4][row];
          a[tile][3] = lefts[part][step + lane + 4][row + 8];
        }
        GAVEL_UNROLL
        for (int tile = 0; tile < kColumnTiles; ++tile) {
          const int column = my_column + 8 * tile + group;
          GAVEL_UNROLL
          for (int right_part = kRightParts - 1; right_part >= 0; --right_part) {
            const uint32_t b[2] = {rights[right_part][step + lane][column], rights[right_part][step + lane + 4][column]};
            GAVEL_UNROLL
            for (int row_tile = 0; row_tile < kRowTiles; ++row_tile) mma_16816_bf16(sums[row_tile][tile], a[row_tile], b);
          }
        }
      }
    }
    GAVEL_UNROLL
    for (int i = 0; i < kRowTiles; ++i) {
      GAVEL_UNROLL
      for (int j = 0; j < kColumnTiles; ++j) {
        for (int k = 0; k < 4; ++k) total[i][j][k] += sums[i][j][k];
      }
    }
  }
  const auto put = [&](int64_t row, int64_t column, float low, float high) {
    if (row >= shape.rows || column >= shape.columns) return;
    float *target = shape.target + row * shape.stride + column;
    if (pairs_aligned && column + 1 < shape.columns) {
      float2 both = shape.overwrite ? float2{0, 0} : *reinterpret_cast<const float2 *>(target);
      both = shape.overwrite ? float2{low, high} : float2{both.x + low, both.y + high};
      *reinterpret_cast<float2 *>(target) = both;
      return;
    }
    target[0] = shape.overwrite ? low : target[0] + low;
    if (column + 1 < shape.columns) target[1] = shape.overwrite ? high : target[1] + high;
  };
  GAVEL_UNROLL
  for (int i = 0; i < kRowTiles; ++i) {
    GAVEL_UNROLL
    for (int j = 0; j < kColumnTiles; ++j) {
      const int64_t row = first_row + my_row + 16 * i + group;
      const int64_t column = first_column + my_column + 8 * j + 2 * lane;
      put(row, column, total[i][j][0], total[i][j][1]);
      put(row + 8, column, total[i][j][2], total[i][j][3]);
    }
  }
}

template <int kColumns, int kRightParts, typename Left, typename Right>
void enqueue(const ProductShape &shape, const Left &left, const Right &right, cudaStream_t stream) {
  const int64_t tiles = divide_up(shape.rows, int64_t{kRows});
  GAVEL_CHECK(tiles <= 65535, "%lld rows are too many for one product on CUDA", static_cast<long long>(shape.rows));
  const bool pairs_aligned = reinterpret_cast<uintptr_t>(shape.target) % 8 == 0 && shape.stride % 2 == 0;
  launch(product_kernel<kColumns, kRightParts, Left, Right>,
         dim3(static_cast<unsigned>(divide_up(shape.columns, int64_t{kColumns})), static_cast<unsigned>(tiles)), kThreads, 0,
         stream, shape, left, right, pairs_aligned);
}

}  // namespace split

// kType: GAVEL_BF16 or GAVEL_F16, in which every element of the right side is exact.
template <int32_t kType, typename Left, typename Right>
void enqueue_split_product(const ProductShape &shape, const Left &left, const Right &right, cudaStream_t stream) {
  constexpr int kRightParts = kType == GAVEL_BF16 ? 1 : 2;
  const int64_t blocks = divide_up(shape.rows, int64_t{split::kRows}) * divide_up(shape.columns, int64_t{128});
  if (blocks >= split::kManyBlocks) return split::enqueue<128, kRightParts>(shape, left, right, stream);
  split::enqueue<32, kRightParts>(shape, left, right, stream);
}

}  // namespace gavel::cuda

#endif
