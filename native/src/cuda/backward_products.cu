// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Products of f32 heads, on CUDA cores (those of 16-bit heads: backward_split.h). A block makes 64 x 64 sums, a thread 4 x 4 of them, the depth coming through shared memory 16 steps at a time.
// Each sum is added up over 8 steps from 0, then such parts in order: rounding errors grow with n / 8 + 8, and the order depends on
// the depth of the product alone.
#include "cuda/backward_products.h"

#include "common/error.h"
#include "cuda/backward_operands.h"
#include "cuda/backward_split.h"
#include "cuda/chains.h"
#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

constexpr int kTile = 64;
constexpr int kSteps = 16;
constexpr int kThreads = 256;
constexpr int kMine = 4;  // rows and columns of a thread

template <typename Left, typename Right>
__global__ void __launch_bounds__(kThreads, 2) product_kernel(const ProductShape shape, const Left left, const Right right) {
  GAVEL_SHARED(float[kSteps][kTile + 4], lefts);
  GAVEL_SHARED(float[kSteps][kTile + 4], rights);
  const int64_t first_row = int64_t{blockIdx.y} * kTile, first_column = int64_t{blockIdx.x} * kTile;
  const int thread = static_cast<int>(threadIdx.x);
  const int my_row = thread / (kTile / kMine) * kMine, my_column = thread % (kTile / kMine) * kMine;
  float total[kMine][kMine] = {};
  for (int64_t base = 0; base < shape.depth; base += kSteps) {
    __syncthreads();
    for (int i = thread; i < kSteps * kTile; i += kThreads) {
      // Neighbouring threads read neighbouring elements.
      const int step = Left::kDepthFirst ? i % kSteps : i / kTile, row = Left::kDepthFirst ? i / kSteps : i % kTile;
      const bool inside = base + step < shape.depth && first_row + row < shape.rows;
      lefts[step][row] = inside ? left.at(base + step, first_row + row) : 0.0f;
      const int right_step = i / kTile, column = i % kTile;
      const bool there = base + right_step < shape.depth && first_column + column < shape.columns;
      rights[right_step][column] = there ? right.at(base + right_step, first_column + column) : 0.0f;
    }
    __syncthreads();
    // What lies behind the depth is left out: an infinity times its 0 would be NaN.
    const int steps = static_cast<int>(min(shape.depth - base, int64_t{kSteps}));
    GAVEL_UNROLL_BY(1)
    for (int begin = 0; begin < steps; begin += kChain) {
      float part[kMine][kMine] = {};
      const auto step_once = [&](int step) {
        const float4 a = *reinterpret_cast<const float4 *>(&lefts[step][my_row]);
        const float4 b = *reinterpret_cast<const float4 *>(&rights[step][my_column]);
        const float as[kMine] = {a.x, a.y, a.z, a.w}, bs[kMine] = {b.x, b.y, b.z, b.w};
        for (int i = 0; i < kMine; ++i) {
          for (int j = 0; j < kMine; ++j) part[i][j] = fmaf(as[i], bs[j], part[i][j]);
        }
      };
      if (steps - begin >= kChain) {
        GAVEL_UNROLL
        for (int step = 0; step < kChain; ++step) step_once(begin + step);
      } else {
        for (int step = begin; step < steps; ++step) step_once(step);
      }
      for (int i = 0; i < kMine; ++i) {
        for (int j = 0; j < kMine; ++j) total[i][j] += part[i][j];
      }
    }
  }
  for (int i = 0; i < kMine; ++i) {
    const int64_t row = first_row + my_row + i;
    for (int j = 0; j < kMine; ++j) {
      const int64_t column = first_column + my_column + j;
      if (row >= shape.rows || column >= shape.columns) continue;
      float *target = shape.target + row * shape.stride + column;
      *target = shape.overwrite ? total[i][j] : *target + total[i][j];
    }
  }
}

template <typename Left, typename Right>
void enqueue(const ProductShape &shape, const Left &left, const Right &right, cudaStream_t stream) {
  const int64_t tiles = divide_up(shape.rows, int64_t{kTile});
  GAVEL_CHECK(tiles <= 65535, "%lld rows are too many for one product on CUDA", static_cast<long long>(shape.rows));
  launch(product_kernel<Left, Right>,
         dim3(static_cast<unsigned>(divide_up(shape.columns, int64_t{kTile})), static_cast<unsigned>(tiles)), kThreads, 0,
         stream, shape, left, right);
}

// kType: one in which every element of the right side is exact.
template <int32_t kType, typename Left, typename Right>
void multiply(const ProductShape &shape, const Left &left, const Right &right, cudaStream_t stream) {
  if constexpr (kType == GAVEL_F32) {
    enqueue(shape, left, right, stream);
  } else {
    enqueue_split_product<kType>(shape, left, right, stream);
  }
}

}  // namespace

void enqueue_weight_gradient(const FloatMatrix &da, const FloatMatrix &input, int32_t input_dtype, int64_t rows, int64_t width,
                             int64_t depth, const FloatMatrix &gradient, bool overwrite, cudaStream_t stream) {
  const ProductShape shape{width, depth, rows, gradient.data, gradient.stride, overwrite};
  const LeftByRows left{da.data, da.stride};
  const RightMatrix right{input.data, input.stride};
  with_type(input_dtype, [&](auto type) { multiply<decltype(type)::value>(shape, left, right, stream); });
}

void enqueue_input_gradient(const FloatMatrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                            const void *weight, bool packed, const FloatMatrix &dinput, cudaStream_t stream) {
  if (rows == 0) return;
  const ProductShape shape{rows, depth, width, dinput.data, dinput.stride, true};
  const LeftByColumns left{da.data, da.stride};
  with_type(dtype, [&](auto type) {
    constexpr int32_t kType = decltype(type)::value;
    if (packed) return multiply<kType>(shape, left, RightWeight<kType, true>{weight, depth}, stream);
    multiply<kType>(shape, left, RightWeight<kType, false>{weight, depth}, stream);
  });
}

}  // namespace gavel::cuda
