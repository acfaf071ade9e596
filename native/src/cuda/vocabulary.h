// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vocabulary.h: the output matrix of a language model as products on the device read it.
#ifndef GAVEL_CUDA_VOCABULARY_H
#define GAVEL_CUDA_VOCABULARY_H

#include "common/tensor.h"
#include "cuda/context.h"

namespace gavel::cuda {

struct Vocabulary {
  // host_weight: [V, H], checked. Copied a part at a time, so that the matrix is on the device once.
  Vocabulary(Context &context, const Tensor &host_weight);

  Context &context;
  const int32_t dtype;
  const int64_t tokens;  // V
  const int64_t width;   // H
  DeviceBytes packed;    // as packed.h
};

}  // namespace gavel::cuda

#endif
