// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward.h: gradients of a head's parameters and of its pooled vectors, from dscore.
//
//   dscore -> readout', output_scale -> output layer -> activation' -> hidden layers, last to first -> norm -> dvectors
//
// The vectors are gathered again and the activations made again from the preactivations of the forward call, so nothing but those is
// kept between the two. Where the forward call rounds to 16 bits (the vector, the input of the hidden layers but the first), the
// gradient passes through as if it had not (straight-through), at the rounded values.
//
// Sums over items, the same for any number of threads and any instruction set: the valid items, in order, are cut into chunks of
// chunk_rows(head); within a chunk a weight of a hidden layer is summed in f32 order (gemm.h), a bias of a layer in double precision,
// everything else by adding four rows one after another and then such sums in pairs (row_sums.h); chunks are added to the gradient in order.
#ifndef GAVEL_CPU_BACKWARD_H
#define GAVEL_CPU_BACKWARD_H

#include <cstdint>

#include "common/readout.h"
#include "common/tensor.h"
#include "cpu/head.h"
#include "cpu/pooling.h"
#include "cpu/workspace.h"

namespace gavel {

// Whose logits' gradient is wanted of a readout: the head's (of the forward stream), the head's of the reverse stream, or the gate's.
enum class LogitPart { HEAD, REVERSE, GATE };

// The gradients of one head in a checked gavel_backward call. Tensors that are absent are not needed, or not wanted.
struct BackwardCall {
  CpuContext &context;  // of the call, which need not be the head's
  const CpuHead &head;
  bool accumulate;
  Tensor hidden{};
  Pooling pooling{};
  const ReadoutPlan *readout = nullptr;
  LogitPart part = LogitPart::HEAD;
  Tensor scores{};
  Tensor logits{};
  Tensor gate_logits{};
  Tensor preactivations{};
  Tensor dscore{};
  Tensor dvectors{};
  Tensor gradients[kMostParameters]{};
};

// Rows worked on at once: at most 512, fewer for wide heads so that scratch stays near 64 MiB; a multiple of 32.
int64_t chunk_rows(const HeadSpec &spec);

// The caller flushes denormals and holds a HeadReader.
void run_backward(const BackwardCall &call, Workspace &workspace);

}  // namespace gavel

#endif
