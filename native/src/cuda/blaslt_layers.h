// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// blaslt_layers.h: the hidden layers of a 16-bit head, forward and back, with their products on cuBLASLt: what mode FAST does with many
// items. The products are plain ones over matrices in memory; what our own kernels do on chip around theirs is a launch of its own here.
//
// Roundings forward are those of score.cu, the order of additions is the library's. Back, the f32 gradients are rounded to TF32 (11 bits)
// on their way into a product, where our own kernels lose nothing; inputs and weights are exact in TF32.
#ifndef GAVEL_CUDA_BLASLT_LAYERS_H
#define GAVEL_CUDA_BLASLT_LAYERS_H

#include <cstdint>

#include "common/head_spec.h"
#include "common/tensor.h"
#include "cuda/backward_products.h"
#include "cuda/output.h"

namespace gavel::cuda {

struct Context;
struct Head;
struct Stream;

// Whether the products of a head go there. context: of the call, or null. It must have a library, there must be
// its blaslt_items, and the head's rows must be of whole 16 bytes.
bool blaslt_takes(const Context *context, const Head &head, int64_t items);

// All hidden layers, the output layer and the readout.
struct BlasLtLayers {
  const Head &head;
  const void *packed;  // vectors, packed (packed.h), items filled up to kBlockRows
  int64_t items;       // > 0
  const uint8_t *states;
  Tensor preactivations;  // f32 [items, sum of widths], or absent
  Output output;
};
// Scratch bytes, and the launches. workspace: aligned to 256 bytes.
int64_t blaslt_layers_workspace(const HeadSpec &spec, int64_t items);
void enqueue_blaslt_layers(const BlasLtLayers &layers, Context &context, void *workspace, Stream &stream);

// The two products behind a hidden layer (backward_products.h), for 16-bit heads. Each returns false, and enqueues nothing, where a
// matrix does not start and go on at multiples of 16 bytes.
int64_t blaslt_gradients_workspace(const HeadSpec &spec);
bool enqueue_blaslt_weight_gradient(const FloatMatrix &da, const FloatMatrix &input, int64_t rows, int64_t width, int64_t depth,
                                    const FloatMatrix &gradient, bool overwrite, Context &context, void *workspace,
                                    Stream &stream);
bool enqueue_blaslt_input_gradient(const FloatMatrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                                   const void *packed_weight, const FloatMatrix &dinput, Context &context, void *workspace,
                                   Stream &stream);

}  // namespace gavel::cuda

#endif
