// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_layers.h: what lies between the products of a backward call: activations and their gradients, the output layer's input, the
// norm. Each function enqueues one kernel; matrices have `rows` rows, nothing is enqueued for none.
#ifndef GAVEL_CUDA_BACKWARD_LAYERS_H
#define GAVEL_CUDA_BACKWARD_LAYERS_H

#include "cuda/backward_products.h"
#include "cuda/row_sums.h"

namespace gavel::cuda {

// Of a hidden layer.
struct Slope {
  const void *values;  // [width] or [1] of the head's dtype, or null
  int32_t step;        // 0: one for all
  float shared;        // where values is null
};

struct Activation {
  int32_t kind;
  int32_t dtype;  // of the head
  Slope slope;
};

// out = activation(a), rounded to the head's dtype where `rounds`.
void enqueue_activation(const Activation &activation, bool rounds, const FloatMatrix &a, int64_t rows, int64_t width,
                        const FloatMatrix &out, cudaStream_t stream);
// d *= activation'(a), in place; 0 for invalid items.
void enqueue_activation_gradient(const Activation &activation, const Source &items, const FloatMatrix &a, int64_t rows,
                                 int64_t width, const FloatMatrix &d, cudaStream_t stream);

// out[r][k] = gradient of logit k of item r.
void enqueue_logit_gradients(const LogitGradients &logits, int64_t rows, int64_t outputs, const FloatMatrix &out,
                             cudaStream_t stream);
// out[r][c] = sum over outputs k, in order, of the gradient of logit k times weight[k][c] ([outputs, width], contiguous, of the dtype);
// 0 for invalid items. outputs is at most kMostPlanes.
void enqueue_output_gradient(const LogitGradients &logits, int64_t rows, int64_t outputs, int64_t width, int32_t dtype,
                             const void *weight, const FloatMatrix &out, cudaStream_t stream);

// The gradient of vectors before the norm from that behind it; 0 for invalid items. scales: [rows], written. dx.data null: only the
// scales. pooled: a kPooled source of the vectors, whose index lists say which items are valid.
void enqueue_norm_gradient(const Norm &norm, int32_t dtype, const Source &pooled, const FloatMatrix &dy, int64_t rows,
                           const FloatMatrix &dx, NormScale *scales, cudaStream_t stream);

// *target (+)= sum of values[0 .. count - 1], in one order.
void enqueue_column_sum(const float *values, int64_t count, float *target, bool overwrite, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
