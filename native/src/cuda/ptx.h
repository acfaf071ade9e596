// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// ptx.h: the instructions that have no name in CUDA C++, each a function: PTX on the device, plain C++ in the emulator.
#ifndef GAVEL_CUDA_PTX_H
#define GAVEL_CUDA_PTX_H

#include "cuda/device.h"

namespace gavel::cuda {

// ---- 16-bit numbers: rounded to nearest even, NaN becomes 0x7fff; widening is exact and keeps NaN ----

__device__ __forceinline__ uint16_t narrow_bf16(float value) {
#ifdef GAVEL_CUDA_EMULATED
  return emulator::narrow_bf16(value);
#else
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
#endif
}

__device__ __forceinline__ uint16_t narrow_f16(float value) {
#ifdef GAVEL_CUDA_EMULATED
  return emulator::narrow_f16(value);
#else
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
#endif
}

__device__ __forceinline__ float widen_bf16(uint16_t bits) {
  return __uint_as_float(static_cast<uint32_t>(bits) << 16);
}

__device__ __forceinline__ float widen_f16(uint16_t bits) {
#ifdef GAVEL_CUDA_EMULATED
  return emulator::widen_f16(bits);
#else
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
#endif
}

// ---- matrix product of one warp: d[16][8] += a[16][16] b[16][8], all 32 lanes ----
//
// Lane l, with g = l / 4 and t = l % 4, holds (lower half of a word = smaller column or k):
//   a[0] = A[g][2t, 2t+1]  a[1] = A[g+8][2t, 2t+1]  a[2] = A[g][2t+8, 2t+9]  a[3] = A[g+8][2t+8, 2t+9]
//   b[0] = B[2t, 2t+1][g]  b[1] = B[2t+8, 2t+9][g]
//   d[0] = D[g][2t]  d[1] = D[g][2t+1]  d[2] = D[g+8][2t]  d[3] = D[g+8][2t+1]

__device__ __forceinline__ void mma_16816_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#ifdef GAVEL_CUDA_EMULATED
  emulator::mma_bf16(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ __forceinline__ void mma_16816_f16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#ifdef GAVEL_CUDA_EMULATED
  emulator::mma_f16(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// ---- copies from global to shared memory that do not pass through registers; both addresses aligned to 16 bytes ----

__device__ __forceinline__ void copy_async_16(void *shared, const void *global) {
#ifdef GAVEL_CUDA_EMULATED
  emulator::copy_async_16(shared, global);
#else
  const uint32_t target = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(target), "l"(global) : "memory");
#endif
}

// Closes a group of the copies this thread has asked for.
__device__ __forceinline__ void copy_async_commit() {
#ifdef GAVEL_CUDA_EMULATED
  emulator::copy_async_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most `pending` of this thread's groups are still under way. Other threads see the bytes behind a barrier.
template <int pending>
__device__ __forceinline__ void copy_async_wait() {
#ifdef GAVEL_CUDA_EMULATED
  emulator::copy_async_wait(pending);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

// 16 bytes that are read once: they do not displace others in the L1 cache. Aligned to 16; nothing may write them meanwhile.
__device__ __forceinline__ uint4 load_stream_16(const void *address) {
#ifdef GAVEL_CUDA_EMULATED
  return *static_cast<const uint4 *>(address);
#else
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(address));
  return value;
#endif
}

// ---- overlapping launches (launch_early of launch.h); nothing in the code for 8.0, which has no such instructions ----

// Waits until the kernel before this one in the stream is done and its writes are visible. No touch of anything it may write, before.
__device__ __forceinline__ void wait_for_previous_kernel() {
#if !defined(GAVEL_CUDA_EMULATED) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The next kernel may be set up as soon as every block has said so; what it reads from this one it still waits for.
__device__ __forceinline__ void let_next_kernel_start() {
#if !defined(GAVEL_CUDA_EMULATED) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace gavel::cuda

#endif
