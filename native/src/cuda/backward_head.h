// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_head.h: the gradients of one head from those of its scores, with a readout of one logit each.
#ifndef GAVEL_CUDA_BACKWARD_HEAD_H
#define GAVEL_CUDA_BACKWARD_HEAD_H

#include "cuda/backward.h"

namespace gavel::cuda {

struct BackwardNeeds {
  int64_t bytes;     // of scratch
  int64_t counters;  // of the stream
};
BackwardNeeds backward_needs(const BackwardCall &call, int64_t most_rows);
// call.mixing and what is said of a gate are not read.
void enqueue_head_backward(const BackwardCall &call, int64_t most_rows, char *scratch, uint32_t *counters, Stream &stream);

}  // namespace gavel::cuda

#endif
