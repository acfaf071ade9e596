// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// scatter.h: the transpose of pooling on the device: gradients of vectors go back to the hidden states they were made of. Formulas and
// order as cpu/scatter.h, and so its bits.
#ifndef GAVEL_CUDA_SCATTER_H
#define GAVEL_CUDA_SCATTER_H

#include "cuda/calls.h"

namespace gavel::cuda {

struct Stream;

// One launch and no scratch memory. An index out of range is a fault, and its item is left out.
void enqueue_scatter(const ScatterCall &call, Stream &stream);

}  // namespace gavel::cuda

#endif
