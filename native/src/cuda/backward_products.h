// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_products.h: the two matrix products behind a hidden layer, in f32.
#ifndef GAVEL_CUDA_BACKWARD_PRODUCTS_H
#define GAVEL_CUDA_BACKWARD_PRODUCTS_H

#include "cuda/device.h"

namespace gavel::cuda {

// Row-major f32.
struct FloatMatrix {
  float *data;
  int64_t stride;
};

// gradient[o][i] (+)= sum over rows r of da[r][o] input[r][i]; gradient is [width, depth]. input_dtype: one that holds every input exactly.
void enqueue_weight_gradient(const FloatMatrix &da, const FloatMatrix &input, int32_t input_dtype, int64_t rows, int64_t width,
                             int64_t depth, const FloatMatrix &gradient, bool overwrite, cudaStream_t stream);

// dinput[r][i] = sum over o of da[r][o] weight[o][i]; weight [width, depth] of the dtype, packed (packed.h) or contiguous, widened.
void enqueue_input_gradient(const FloatMatrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                            const void *weight, bool packed, const FloatMatrix &dinput, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
