// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// register_products.h: the arithmetic of products over registers alone, on every multiprocessor: gavel_register_products.
#ifndef GAVEL_CUDA_REGISTER_PRODUCTS_H
#define GAVEL_CUDA_REGISTER_PRODUCTS_H

#include <cstdint>

#include "cuda/stream.h"

namespace gavel::cuda {

// Enqueues it; returns the operations that it will be.
int64_t enqueue_register_products(int32_t dtype, int64_t rounds, Stream &stream);

}  // namespace gavel::cuda

#endif
