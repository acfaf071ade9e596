// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// types.h: the vector types and qualifiers of the CUDA dialect, for g++ without a toolkit.
#ifndef GAVEL_TEST_CUDA_EMULATOR_TYPES_H
#define GAVEL_TEST_CUDA_EMULATOR_TYPES_H

#include <cstddef>
#include <cstdint>

// clang-format off
#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__
// __shared__ is missing on purpose: a static variable could be neither poisoned nor guarded. GAVEL_SHARED of device.h can.

#define GAVEL_EMULATED_VECTORS(T, name, alignment1, alignment2, alignment4) \
  struct alignas(alignment1) name##1 { T x; };                              \
  struct alignas(alignment2) name##2 { T x, y; };                           \
  struct name##3 { T x, y, z; };                                            \
  struct alignas(alignment4) name##4 { T x, y, z, w; };                     \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }        \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
GAVEL_EMULATED_VECTORS(signed char, char, 1, 2, 4)
GAVEL_EMULATED_VECTORS(unsigned char, uchar, 1, 2, 4)
GAVEL_EMULATED_VECTORS(short, short, 2, 4, 8)
GAVEL_EMULATED_VECTORS(unsigned short, ushort, 2, 4, 8)
GAVEL_EMULATED_VECTORS(int, int, 4, 8, 16)
GAVEL_EMULATED_VECTORS(unsigned, uint, 4, 8, 16)
GAVEL_EMULATED_VECTORS(long long, longlong, 8, 16, 16)
GAVEL_EMULATED_VECTORS(unsigned long long, ulonglong, 8, 16, 16)
GAVEL_EMULATED_VECTORS(float, float, 4, 8, 16)
GAVEL_EMULATED_VECTORS(double, double, 8, 16, 16)
#undef GAVEL_EMULATED_VECTORS
// clang-format on

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}  // NOLINT: as in CUDA
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}                                         // NOLINT
};

#endif
