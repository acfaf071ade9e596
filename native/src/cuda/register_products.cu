// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// register_products.cu: 16-bit by mma.sync, as gemm_columns.cu and gemm_tiled.cu, f32 by fmaf, as gemm_f32.cu. Hopper's wgmma reaches more
// than mma.sync does; no kernel here uses it.
#include "cuda/register_products.h"

#include "cuda/launch.h"
#include "cuda/ptx.h"
#include "cuda/rows.h"
#include "gavel/gavel.h"

namespace gavel::cuda {
namespace {

// 16 warps an SM, 4 a scheduler, of 8 chains each: many steps under way while one is not done.
constexpr int kThreads = 256;
constexpr int kBlocksPerSm = 2;
constexpr int kChains = 8;
constexpr int64_t kMmaOperations = 16 * 8 * 16 * 2;

template <int32_t kType>
constexpr int64_t operations_of_warp() {
  return kChains * (kType == GAVEL_F32 ? kWarp * 2 : kMmaOperations);
}

// kept: null. It is written if rounds is below 0, which it never is, and which the compiler does not know: it cannot leave the sums out.
template <int32_t kType>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm) register_products_kernel(int64_t rounds, float *kept) {
  float sums[kChains][4] = {};
  const uint32_t rows[4] = {threadIdx.x, 0, threadIdx.x, 0}, columns[2] = {0, threadIdx.x};
  const float factor = static_cast<float>(threadIdx.x);
  // Equal chains would become one.
  GAVEL_UNROLL
  for (int chain = 0; chain < kChains; ++chain) sums[chain][0] = static_cast<float>(chain);
  for (int64_t round = 0; round < rounds; ++round) {
    GAVEL_UNROLL
    for (int chain = 0; chain < kChains; ++chain) {
      if constexpr (kType == GAVEL_BF16) {
        mma_16816_bf16(sums[chain], rows, columns);
      } else if constexpr (kType == GAVEL_F16) {
        mma_16816_f16(sums[chain], rows, columns);
      } else {
        sums[chain][0] = fmaf(factor, factor, sums[chain][0]);
      }
    }
  }
  if (rounds >= 0) return;
  GAVEL_UNROLL
  for (int chain = 0; chain < kChains; ++chain) {
    GAVEL_UNROLL
    for (int i = 0; i < 4; ++i) *kept += sums[chain][i];
  }
}

template <int32_t kType>
int64_t enqueue(int64_t rounds, Stream &stream) {
  const int64_t blocks = int64_t{kBlocksPerSm} * stream.context.sm_count;
  launch(register_products_kernel<kType>, dim3(static_cast<unsigned>(blocks)), kThreads, 0, stream.native, rounds,
         static_cast<float *>(nullptr));
  return rounds * blocks * (kThreads / kWarp) * operations_of_warp<kType>();
}

}  // namespace

int64_t enqueue_register_products(int32_t dtype, int64_t rounds, Stream &stream) {
  if (dtype == GAVEL_F32) return enqueue<GAVEL_F32>(rounds, stream);
  return dtype == GAVEL_F16 ? enqueue<GAVEL_F16>(rounds, stream) : enqueue<GAVEL_BF16>(rounds, stream);
}

}  // namespace gavel::cuda
