// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: readouts that are not of one logit each, on the device: what a call makes of the logits its heads have written, and the
// gradients of those logits. A warp an item; from the same logits the bits of the CPU backend (common/readout_row.inl).
#ifndef GAVEL_CUDA_READOUT_H
#define GAVEL_CUDA_READOUT_H

#include <cstdint>

#include "common/readout.h"
#include "cuda/output.h"

namespace gavel::cuda {

struct Stream;

// A matrix of f32 on the device; null where it is not wanted or not there.
struct FloatRows {
  float *data;
  int64_t stride;
  __device__ float *row(int64_t r) const { return data == nullptr ? nullptr : data + r * stride; }
};
inline FloatRows float_rows(const Tensor &tensor) {
  return {tensor.as<float>(), tensor.stride[0]};
}

// A kernel argument.
struct ReadoutTask {
  ReadoutRow row;
  int64_t items;
  const uint8_t *states;  // [items] ItemState
  FloatRows logits;
  FloatRows gate;
  FloatRows scores;
  FloatRows objectives;
  FloatRows gate_weights;
  Output output;  // counters and counts
  Fault *fault;
  float *scratch;
  int64_t scratch_floats;  // of a warp
};

// A kernel argument. Items that are invalid get zeros.
struct ReadoutGradientTask {
  ReadoutRow row;
  Source source;     // says which items are valid; hidden is not read
  FloatRows logits;  // null where the gradient does not read them
  FloatRows gate;
  FloatRows dscore;
  FloatRows dlogits;
  FloatRows dgate;
  float *dgate_scale;  // [items] terms, or null
  float *scratch;
  int64_t scratch_floats;
};

// Floats that `items` items need.
int64_t readout_scratch_floats(const ReadoutRow &row, int64_t items);

// scratch: readout_scratch_floats. Values of the readout that are not finite are faults. items > 0.
void enqueue_readout(const ReadoutTask &task, Stream &stream);
void enqueue_readout_gradient(const ReadoutGradientTask &task, Stream &stream);
// *target (+)= sum of the terms of the valid items, in pairwise order.
void enqueue_scale_sum(const Source &source, const float *terms, float *target, bool overwrite, Stream &stream);

}  // namespace gavel::cuda

#endif
