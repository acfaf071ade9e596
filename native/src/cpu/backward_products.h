// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_products.h: the two matrix products behind a hidden layer, over gemm.h, always in f32.
#ifndef GAVEL_CPU_BACKWARD_PRODUCTS_H
#define GAVEL_CPU_BACKWARD_PRODUCTS_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/context.h"

namespace gavel {

// Row-major f32 scratch of a chunk. The stride is not a power of two: the products read columns of it.
struct Matrix {
  float *data = nullptr;
  int64_t stride = 0;
  float *row(int64_t r) const { return data + r * stride; }
};

// gradient[o][i] (+)= sum over rows r of da[r][o] input[r][i]; gradient is [width, depth].
void multiply_weight_gradient(CpuContext &context, const Matrix &da, const Matrix &input, int64_t rows, const Tensor &gradient,
                              bool overwrite);

// dinput[r][i] = sum over o of da[r][o] weight[o][i]; weight is [width, depth], contiguous, in the head's dtype, widened.
void multiply_input_gradient(CpuContext &context, const Matrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                             const void *weight, const Matrix &dinput);

}  // namespace gavel

#endif
