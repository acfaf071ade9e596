// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// one_lane.h: the operations of cpu/vector.h that losses are made of, on one float, for host and device. What is written over them
// (numeric.inl, loss_*.inl) has the same bits here, on a device, and in the sixteen lanes of the kernel tables.
#ifndef GAVEL_COMMON_ONE_LANE_H
#define GAVEL_COMMON_ONE_LANE_H

#include <stdint.h>
#include <string.h>

// __host__ __device__ where a CUDA compiler reads this file. On the host it stays no call: the lanes of a kernel table would pass
// through memory.
#ifdef __CUDACC__
#define GAVEL_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define GAVEL_HOST_DEVICE [[gnu::always_inline]] inline
#endif

// For what walks a row: a device does it with the intrinsics of a warp, which a host compiler of the same file could not call.
#ifdef __CUDACC__
#define GAVEL_ROW_FUNCTION __device__ __forceinline__
#else
#define GAVEL_ROW_FUNCTION [[gnu::always_inline]] inline
#endif

namespace gavel {

GAVEL_HOST_DEVICE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

GAVEL_HOST_DEVICE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

namespace one_lane {

using Vector = float;
using Words = uint32_t;
using Mask = bool;

// An operation is a line.
// clang-format off
GAVEL_HOST_DEVICE Vector set(float x) { return x; }
GAVEL_HOST_DEVICE Vector zero() { return 0.0f; }
GAVEL_HOST_DEVICE Vector add(Vector a, Vector b) { return a + b; }
GAVEL_HOST_DEVICE Vector subtract(Vector a, Vector b) { return a - b; }
GAVEL_HOST_DEVICE Vector multiply(Vector a, Vector b) { return a * b; }
GAVEL_HOST_DEVICE Vector divide(Vector a, Vector b) { return a / b; }
GAVEL_HOST_DEVICE Words words_of(Vector v) { return bits_of(v); }
GAVEL_HOST_DEVICE Vector vector_of(Words w) { return float_of(w); }
GAVEL_HOST_DEVICE Words set_words(uint32_t x) { return x; }
GAVEL_HOST_DEVICE Words add_words(Words a, Words b) { return a + b; }
GAVEL_HOST_DEVICE Words subtract_words(Words a, Words b) { return a - b; }
GAVEL_HOST_DEVICE Words and_words(Words a, Words b) { return a & b; }
template <int kBits>
GAVEL_HOST_DEVICE Words shift_left(Words a) { return a << kBits; }
template <int kBits>
GAVEL_HOST_DEVICE Words shift_right(Words a) { return a >> kBits; }
GAVEL_HOST_DEVICE Vector negate(Vector a) { return float_of(bits_of(a) ^ 0x80000000u); }
GAVEL_HOST_DEVICE Vector absolute(Vector a) { return float_of(bits_of(a) & 0x7fffffffu); }
GAVEL_HOST_DEVICE Mask less(Vector a, Vector b) { return a < b; }
GAVEL_HOST_DEVICE Mask less_equal(Vector a, Vector b) { return a <= b; }
GAVEL_HOST_DEVICE Mask equal(Vector a, Vector b) { return a == b; }
GAVEL_HOST_DEVICE Mask is_nan(Vector a) { return a != a; }
GAVEL_HOST_DEVICE Mask either(Mask a, Mask b) { return a || b; }
GAVEL_HOST_DEVICE Mask both(Mask a, Mask b) { return a && b; }
GAVEL_HOST_DEVICE Vector select(Mask m, Vector a, Vector b) { return m ? a : b; }
// clang-format on

}  // namespace one_lane
}  // namespace gavel

#endif
