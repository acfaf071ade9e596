// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_output.h: the output layer of an MLP with more rows than a product's epilogue takes along (kFusedOutputs).
#ifndef GAVEL_CUDA_SCORE_OUTPUT_H
#define GAVEL_CUDA_SCORE_OUTPUT_H

#include "cuda/output.h"

namespace gavel::cuda {

// A kernel argument. The order of the additions is the epilogue's (gemm.h).
struct OutputLayer {
  const float *activated;  // u: [items, depth], contiguous
  const void *weight;      // [outputs, depth]
  int64_t depth;
  const uint8_t *states;  // [items], or null: all valid
  Output output;
};

// early: as enqueue_product.
void enqueue_output(const OutputLayer &layer, bool early, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
