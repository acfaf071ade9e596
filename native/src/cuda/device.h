// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// device.h: the CUDA dialect that the files of this folder are written in.
//
// Every file with code of the device, its own or of headers, is NAME.cu and compiled twice: by nvcc for the GPU, and by g++ with
// test/cuda_emulator first on the include path, which runs the same kernels on the processor in tests. What both understand, and nothing
// else, may be used:
//   __global__ __device__ __launch_bounds__, threadIdx blockIdx blockDim gridDim, GAVEL_SHARED, GAVEL_DYNAMIC_SHARED,
//   __syncthreads (_count, _or, _and), __syncwarp, __shfl_sync _xor_sync _down_sync _up_sync, __ballot_sync, __any_sync, __all_sync,
//   __match_any_sync, atomicAdd Exch CAS Max Min Or And on int, unsigned and unsigned long long, __threadfence,
//   __ldg __ldcg __ldcs __stcg __stcs, the vector types, fmaf sqrtf, __float_as_uint and the like, __popc __ffs __clz, min max,
//   GAVEL_UNROLL (not #pragma unroll), and the instructions of ptx.h.
// The others are NAME.cpp and do not include this header: nvcc gives them to g++ alone, once, where a .cu file is read for each architecture
// and once more for the host.
// Rules that make the same sources right on both:
//   - no plain __shared__ (the two macros below), no assembly outside ptx.h, no atomics on floating-point numbers;
//   - a lane reads another lane's value through an intrinsic or behind __syncwarp only: nothing runs in lockstep by itself;
//   - blocks talk through the ticket alone: write partial results, __threadfence, atomicAdd on a counter, and the block that drew the
//     last ticket fences, reads them with __ldcg in index order, and sets the counter back to 0;
//   - no thread leaves a kernel that other threads of its block go on to __syncthreads in.
#ifndef GAVEL_CUDA_DEVICE_H
#define GAVEL_CUDA_DEVICE_H

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

// GAVEL_UNROLL before a loop: written out, so that arrays indexed by it stay in registers. GAVEL_UNROLL_BY(n): n turns at a time, so that n
// loads are under way.
#ifdef GAVEL_CUDA_EMULATED

#define GAVEL_UNROLL
#define GAVEL_UNROLL_BY(n)

// GAVEL_SHARED(float[8][32], partial); declares a shared array inside a kernel or device function. Never initialised.
#define GAVEL_SHARED(Type, name)                                            \
  auto &name = ::gavel::emulator::shared_array<Type>([]() -> const void * { \
    static const char site = 0;                                             \
    return &site;                                                           \
  }())
// GAVEL_DYNAMIC_SHARED(float, tile); float *tile is the dynamic shared memory of the launch, aligned to 128 bytes.
#define GAVEL_DYNAMIC_SHARED(Type, name) Type *const name = reinterpret_cast<Type *>(::gavel::emulator::dynamic_shared())

#else

#define GAVEL_UNROLL _Pragma("unroll")
#define GAVEL_PRAGMA(text) _Pragma(#text)
#define GAVEL_UNROLL_BY(n) GAVEL_PRAGMA(unroll n)

namespace gavel::cuda {
// Lets a macro declare an array whose type is one argument.
template <typename Type>
struct Same {
  using type = Type;
};
}  // namespace gavel::cuda

#define GAVEL_SHARED(Type, name) __shared__ __align__(16) typename ::gavel::cuda::Same<Type>::type name
// One name for all kernels: an extern array is one object however often it is declared.
extern __shared__ __align__(128) unsigned char gavel_dynamic_shared_bytes[];
#define GAVEL_DYNAMIC_SHARED(Type, name) Type *const name = reinterpret_cast<Type *>(gavel_dynamic_shared_bytes)

#endif

namespace gavel::cuda {

constexpr int kWarp = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

}  // namespace gavel::cuda

#endif
