// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// tensor_core_products.h: the instructions of tensor cores that tensor_cores.cu asks about, each a function of bf16 or f16 operands with
// sums in f32: mma m16n8k16, and, in code for 9.0a, wgmma m64n8k16 and m64n128k16.
#ifndef GAVEL_BENCH_TENSOR_CORE_PRODUCTS_H
#define GAVEL_BENCH_TENSOR_CORE_PRODUCTS_H

#include <cuda_runtime.h>

#include <cstdint>

// Products in every sum.
constexpr int kDepth = 16;

// d[16][8] += a[16][16] b[16][8]; fragments as in native/src/cuda/ptx.h.
template <bool kF16>
__device__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (kF16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

// ---- wgmma: the products of 64 rows of A and N of B, both in shared memory, by the 4 warps of a block ----

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GAVEL_WGMMA 1
#endif

#ifdef GAVEL_WGMMA
// A row of a tile is 16 elements in two chunks of 8, 16 bytes each. 8 rows of a chunk lie together, then the next 8 rows, then the other
// chunk: the layout without swizzle, in which `stride` leads to the next 8 rows and `leading` to the other chunk (PTX ISA, matrix
// descriptor: address, leading and stride offsets in units of 16 bytes at bits 0, 16 and 32).
__device__ uint64_t descriptor(const void *shared, int rows) {
  const uint64_t address = __cvta_generic_to_shared(shared);
  const uint64_t leading = rows * 16, stride = 128;
  return address >> 4 | (leading >> 4) << 16 | (stride >> 4) << 32;
}

__device__ int element_at(int row, int k, int rows) {
  return (k / 8 * rows + row) * 8 + k % 8;
}

// To the compiler an instruction has written its sums when it is issued. Called before the first one and after the wait for the last one: what
// is done with them stays there.
template <int kRegisters>
__device__ void hold(float (&d)[kRegisters]) {
#pragma unroll
  for (float &value : d) asm volatile("" : "+f"(value)::"memory");
}

template <int kRegisters>
__device__ void begin_wgmma(float (&d)[kRegisters]) {
  // Ordinary stores to shared memory become visible to the tensor cores.
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  hold(d);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ void commit_wgmma() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

__device__ void wait_wgmma() {
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

template <bool kF16>
__device__ void wgmma(float (&d)[4], uint64_t a, uint64_t b) {
  if constexpr (kF16) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "l"(a), "l"(b));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "l"(a), "l"(b));
  }
}

#define EIGHT(i) \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define SIXTY_FOUR                                                                                                            \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, " \
  "%26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "  \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}"

template <bool kF16>
__device__ void wgmma(float (&d)[64], uint64_t a, uint64_t b) {
  if constexpr (kF16) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 " SIXTY_FOUR ", %64, %65, 1, 1, 1, 0, 0;"
                 : EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56)
                 : "l"(a), "l"(b));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " SIXTY_FOUR ", %64, %65, 1, 1, 1, 0, 0;"
                 : EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56)
                 : "l"(a), "l"(b));
  }
}
#undef EIGHT
#undef SIXTY_FOUR
#endif

#endif
