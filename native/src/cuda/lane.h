// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// lane.h: the wrapper of cpu/vector.h for a device thread: Vector is one float. Over it the functions and activations of common/ give
// the bits they give on the CPU, because both flush denormals, divide and take roots with one rounding, and fuse only what says so.
#ifndef GAVEL_CUDA_LANE_H
#define GAVEL_CUDA_LANE_H

#include <cstdint>

#include "cuda/device.h"
#include "gavel/gavel.h"

#define GAVEL_INLINE __device__ inline

namespace gavel::cuda::lane {

using Vector = float;
using Words = uint32_t;
using Mask = bool;

// An operation is a line.
// clang-format off
GAVEL_INLINE Vector set(float x) { return x; }
GAVEL_INLINE Vector zero() { return 0; }
GAVEL_INLINE Vector add(Vector a, Vector b) { return a + b; }
GAVEL_INLINE Vector subtract(Vector a, Vector b) { return a - b; }
GAVEL_INLINE Vector multiply(Vector a, Vector b) { return a * b; }
GAVEL_INLINE Vector divide(Vector a, Vector b) { return a / b; }
GAVEL_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return fmaf(a, b, c); }
GAVEL_INLINE Vector maximum(Vector a, Vector b) { return a > b ? a : b; }
GAVEL_INLINE Vector minimum(Vector a, Vector b) { return a < b ? a : b; }

GAVEL_INLINE Words words_of(Vector v) { return __float_as_uint(v); }
GAVEL_INLINE Vector vector_of(Words w) { return __uint_as_float(w); }
GAVEL_INLINE Words set_words(uint32_t x) { return x; }
GAVEL_INLINE Words add_words(Words a, Words b) { return a + b; }
GAVEL_INLINE Words subtract_words(Words a, Words b) { return a - b; }
template <int kBits>
GAVEL_INLINE Words shift_left(Words a) { return a << kBits; }
template <int kBits>
GAVEL_INLINE Words shift_right(Words a) { return a >> kBits; }

GAVEL_INLINE Vector negate(Vector a) { return vector_of(words_of(a) ^ 0x80000000u); }
GAVEL_INLINE Vector absolute(Vector a) { return vector_of(words_of(a) & 0x7fffffffu); }
GAVEL_INLINE Vector copy_sign(Vector magnitude, Vector sign) {
  return vector_of((words_of(magnitude) & 0x7fffffffu) | (words_of(sign) & 0x80000000u));
}

GAVEL_INLINE Mask less(Vector a, Vector b) { return a < b; }
GAVEL_INLINE Mask less_equal(Vector a, Vector b) { return a <= b; }
GAVEL_INLINE Vector select(Mask m, Vector a, Vector b) { return m ? a : b; }
// clang-format on

#include "common/functions.inl"
// Needs functions.inl.
#include "common/activations.inl"

// The activation by its number. A switch that all threads of a kernel take alike: the cost is one jump.
GAVEL_INLINE float activate(int32_t activation, float x, float slope) {
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return activated<GAVEL_ACTIVATION_RELU>(x, slope);
    case GAVEL_ACTIVATION_LEAKY_RELU:
    case GAVEL_ACTIVATION_PRELU:
      return activated<GAVEL_ACTIVATION_PRELU>(x, slope);
    case GAVEL_ACTIVATION_TANH:
      return activated<GAVEL_ACTIVATION_TANH>(x, slope);
    case GAVEL_ACTIVATION_GELU:
      return activated<GAVEL_ACTIVATION_GELU>(x, slope);
    case GAVEL_ACTIVATION_GELU_TANH:
      return activated<GAVEL_ACTIVATION_GELU_TANH>(x, slope);
    case GAVEL_ACTIVATION_SELU:
      return activated<GAVEL_ACTIVATION_SELU>(x, slope);
    case GAVEL_ACTIVATION_SILU:
      return activated<GAVEL_ACTIVATION_SILU>(x, slope);
    default:  // GAVEL_ACTIVATION_IDENTITY; the head's spec admits no other
      return x;
  }
}

// d activation'(x).
GAVEL_INLINE float activate_gradient(int32_t activation, float x, float slope, float d) {
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return activation_gradient<GAVEL_ACTIVATION_RELU>(x, slope, d);
    case GAVEL_ACTIVATION_LEAKY_RELU:
    case GAVEL_ACTIVATION_PRELU:
      return activation_gradient<GAVEL_ACTIVATION_PRELU>(x, slope, d);
    case GAVEL_ACTIVATION_TANH:
      return activation_gradient<GAVEL_ACTIVATION_TANH>(x, slope, d);
    case GAVEL_ACTIVATION_GELU:
      return activation_gradient<GAVEL_ACTIVATION_GELU>(x, slope, d);
    case GAVEL_ACTIVATION_GELU_TANH:
      return activation_gradient<GAVEL_ACTIVATION_GELU_TANH>(x, slope, d);
    case GAVEL_ACTIVATION_SELU:
      return activation_gradient<GAVEL_ACTIVATION_SELU>(x, slope, d);
    case GAVEL_ACTIVATION_SILU:
      return activation_gradient<GAVEL_ACTIVATION_SILU>(x, slope, d);
    default:  // GAVEL_ACTIVATION_IDENTITY
      return d;
  }
}

}  // namespace gavel::cuda::lane

#undef GAVEL_INLINE

#endif
