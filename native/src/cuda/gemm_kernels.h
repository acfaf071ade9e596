// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_kernels.h: the kernels behind gemm.h, one file each; gemm.cu chooses.
#ifndef GAVEL_CUDA_GEMM_KERNELS_H
#define GAVEL_CUDA_GEMM_KERNELS_H

#include "cuda/gemm.h"

namespace gavel::cuda {

// 16-bit. items: 8, 16, 32 or 64 a block.
int64_t columns_shared_bytes(int32_t dtype, int items);
void enqueue_columns(const Product &product, int items, bool early, cudaStream_t stream);

// f32. items: 8 or 16 a block.
int64_t f32_shared_bytes(int items);
void enqueue_f32(const Product &product, int items, bool early, cudaStream_t stream);

// 16-bit.
int64_t tiled_shared_bytes();
void enqueue_tiled(const Product &product, bool early, cudaStream_t stream);

// Any dtype, at most 8 items.
constexpr int kFewestFusedStages = 4;
int64_t fused_shared_bytes(int32_t dtype, int64_t depth, int stages);
void enqueue_fused(const Product &product, const FusedVectors &vectors, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
