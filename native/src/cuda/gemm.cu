// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/gemm.h"

#include "cuda/gemm_kernels.h"

namespace gavel::cuda {

int64_t product_columns(ProductKernel kernel) {
  constexpr int64_t kItems[] = {8, 8, 16, 32, 64, 128};
  return kItems[static_cast<int32_t>(kernel)];
}

int64_t product_shared_bytes(ProductKernel kernel, int32_t dtype, int64_t depth) {
  if (kernel == ProductKernel::FUSED) return fused_shared_bytes(dtype, depth, kFewestFusedStages);
  if (kernel == ProductKernel::TILED) return tiled_shared_bytes();
  const int items = static_cast<int>(product_columns(kernel));
  return dtype == GAVEL_F32 ? f32_shared_bytes(items) : columns_shared_bytes(dtype, items);
}

bool product_possible(ProductKernel kernel, int32_t dtype, int64_t depth, const DeviceLimits &limits) {
  if (dtype == GAVEL_F32 && kernel != ProductKernel::FUSED && kernel != ProductKernel::COLUMNS_8 &&
      kernel != ProductKernel::COLUMNS_16) {
    return false;
  }
  return product_shared_bytes(kernel, dtype, depth) <= limits.shared_bytes;
}

ProductKernel choose_product(int64_t items, int64_t neurons, int64_t depth, int32_t dtype, const DeviceLimits &limits) {
  const auto possible = [&](ProductKernel kernel) { return product_possible(kernel, dtype, depth, limits); };
  // Tiles read W once for 128 items, but are worth it only where they keep most of the device busy.
  const int64_t side = product_columns(ProductKernel::TILED);
  const int64_t tiled_blocks = divide_up(neurons, side) * divide_up(items, side);
  if (items > 64 && 4 * tiled_blocks >= 3 * limits.sm_count && possible(ProductKernel::TILED)) return ProductKernel::TILED;
  // The narrowest that takes all items at once; where there are more, or the device has less shared memory, the widest there is.
  ProductKernel choice = ProductKernel::COLUMNS_8;
  for (const ProductKernel wider : {ProductKernel::COLUMNS_16, ProductKernel::COLUMNS_32, ProductKernel::COLUMNS_64}) {
    if (items > product_columns(choice) && possible(wider)) choice = wider;
  }
  return choice;
}

void enqueue_product(const Product &product, ProductKernel kernel, bool early, cudaStream_t stream) {
  const int items = static_cast<int>(product_columns(kernel));
  if (kernel == ProductKernel::TILED) return enqueue_tiled(product, early, stream);
  if (product.dtype == GAVEL_F32) return enqueue_f32(product, items, early, stream);
  enqueue_columns(product, items, early, stream);
}

void enqueue_fused_product(const Product &product, const FusedVectors &vectors, cudaStream_t stream) {
  enqueue_fused(product, vectors, stream);
}

}  // namespace gavel::cuda
