// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vector_scalar.h: the definition of the operations of vector.h, one plain loop each.
// fmaf is the C library's: it uses the processor's instruction where there is one and is exact, but slow, where there is none.
#ifndef GAVEL_CPU_VECTOR_SCALAR_H
#define GAVEL_CPU_VECTOR_SCALAR_H

#include <emmintrin.h>

#include <cstdint>

#include "cpu/vector.h"

namespace gavel::scalar {
namespace {

struct Vector {
  float lane[16];
};
struct Words {
  uint32_t lane[16];
};
struct Mask {
  bool lane[16];
};

// The expression is evaluated for each lane i. Loops of 16 would otherwise be written out, to ten times the size.
#define GAVEL_LANES(Type, expression)                                              \
  Type out;                                                                        \
  _Pragma("GCC unroll 1") for (int i = 0; i < 16; ++i) out.lane[i] = (expression); \
  return out

// An operation is a line.
// clang-format off
GAVEL_INLINE uint32_t bits(float x) { return __builtin_bit_cast(uint32_t, x); }
GAVEL_INLINE float number(uint32_t x) { return __builtin_bit_cast(float, x); }

GAVEL_INLINE float widen_f16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t rest = half & 0x7fff;
  // Zero and denormals: the mantissa counts units of 2^-24.
  if (rest < 0x0400) return number(bits(static_cast<float>(rest) * 0x1p-24f) | sign);
  if (rest > 0x7c00) return number(rest << 13 | 0x7fc00000 | sign);
  if (rest == 0x7c00) return number(0x7f800000 | sign);
  return number(((rest << 13) + (112u << 23)) | sign);
}

GAVEL_INLINE uint16_t narrow_f16(float x) {
  const uint32_t sign = bits(x) >> 16 & 0x8000;
  const uint32_t rest = bits(x) & 0x7fffffff;
  if (rest > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (rest >> 13 & 0x3ff));
  if (rest >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520, halfway from the largest to the next
  if (rest >= 0x38800000) {                                             // 2^-14, the smallest normal f16
    return static_cast<uint16_t>(sign | (((rest + 0xfff + (rest >> 13 & 1)) >> 13) - (112u << 10)));
  }
  // Next to 0.5, floats are 2^-24 apart, as f16 denormals are: the addition rounds.
  return static_cast<uint16_t>(sign | (bits(number(rest) + 0.5f) - bits(0.5f)));
}

GAVEL_INLINE float widen_bf16(uint16_t half) { return number(static_cast<uint32_t>(half) << 16); }

GAVEL_INLINE uint16_t narrow_bf16(float x) {
  const uint32_t all = bits(x);
  if ((all & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(all >> 16 | 0x40);
  return static_cast<uint16_t>((all + 0x7fff + (all >> 16 & 1)) >> 16);
}

GAVEL_INLINE Vector set(float x) { GAVEL_LANES(Vector, x); }
GAVEL_INLINE Vector zero() { return set(0); }
GAVEL_INLINE Vector load(const float *p) { GAVEL_LANES(Vector, p[i]); }
GAVEL_INLINE Vector load_partial(const float *p, int64_t n) { GAVEL_LANES(Vector, i < n ? p[i] : 0.0f); }
GAVEL_INLINE Vector gather(const float *p, int64_t step) { GAVEL_LANES(Vector, p[i * step]); }
GAVEL_INLINE void scatter(float *p, int64_t step, const Vector &v) {
  for (int i = 0; i < 16; ++i) p[i * step] = v.lane[i];
}
GAVEL_INLINE Vector load_f16(const uint16_t *p) { GAVEL_LANES(Vector, widen_f16(p[i])); }
GAVEL_INLINE Vector load_f16_partial(const uint16_t *p, int64_t n) { GAVEL_LANES(Vector, i < n ? widen_f16(p[i]) : 0.0f); }
GAVEL_INLINE Vector load_bf16(const uint16_t *p) { GAVEL_LANES(Vector, widen_bf16(p[i])); }
GAVEL_INLINE Vector load_bf16_partial(const uint16_t *p, int64_t n) { GAVEL_LANES(Vector, i < n ? widen_bf16(p[i]) : 0.0f); }

GAVEL_INLINE void store_partial(float *p, const Vector &v, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = v.lane[i];
}
GAVEL_INLINE void store(float *p, const Vector &v) { store_partial(p, v, 16); }
GAVEL_INLINE void store_f16_partial(uint16_t *p, const Vector &v, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = narrow_f16(v.lane[i]);
}
GAVEL_INLINE void store_f16(uint16_t *p, const Vector &v) { store_f16_partial(p, v, 16); }
GAVEL_INLINE void store_bf16_partial(uint16_t *p, const Vector &v, int64_t n) {
  for (int i = 0; i < n; ++i) p[i] = narrow_bf16(v.lane[i]);
}
GAVEL_INLINE void store_bf16(uint16_t *p, const Vector &v) { store_bf16_partial(p, v, 16); }

GAVEL_INLINE Vector add(const Vector &a, const Vector &b) { GAVEL_LANES(Vector, a.lane[i] + b.lane[i]); }
GAVEL_INLINE Vector subtract(const Vector &a, const Vector &b) { GAVEL_LANES(Vector, a.lane[i] - b.lane[i]); }
GAVEL_INLINE Vector multiply(const Vector &a, const Vector &b) { GAVEL_LANES(Vector, a.lane[i] * b.lane[i]); }
GAVEL_INLINE Vector divide(const Vector &a, const Vector &b) { GAVEL_LANES(Vector, a.lane[i] / b.lane[i]); }
GAVEL_INLINE Vector multiply_add(const Vector &a, const Vector &b, const Vector &c) {
  GAVEL_LANES(Vector, __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]));
}
GAVEL_INLINE Vector square_root(const Vector &a) { GAVEL_LANES(Vector, _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a.lane[i])))); }
GAVEL_INLINE Vector maximum(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
GAVEL_INLINE Vector minimum(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}

GAVEL_INLINE Vector negate(const Vector &a) { GAVEL_LANES(Vector, number(bits(a.lane[i]) ^ 0x80000000)); }
GAVEL_INLINE Vector absolute(const Vector &a) { GAVEL_LANES(Vector, number(bits(a.lane[i]) & 0x7fffffff)); }
GAVEL_INLINE Vector copy_sign(const Vector &magnitude, const Vector &sign) {
  GAVEL_LANES(Vector, number((bits(magnitude.lane[i]) & 0x7fffffff) | (bits(sign.lane[i]) & 0x80000000)));
}

GAVEL_INLINE float fold(Vector v) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) v.lane[i] += v.lane[i + half];
  }
  return v.lane[0];
}

GAVEL_INLINE Mask less(const Vector &a, const Vector &b) { GAVEL_LANES(Mask, a.lane[i] < b.lane[i]); }
GAVEL_INLINE Mask less_equal(const Vector &a, const Vector &b) { GAVEL_LANES(Mask, a.lane[i] <= b.lane[i]); }
GAVEL_INLINE Mask equal(const Vector &a, const Vector &b) { GAVEL_LANES(Mask, a.lane[i] == b.lane[i]); }
GAVEL_INLINE Mask is_nan(const Vector &a) { GAVEL_LANES(Mask, a.lane[i] != a.lane[i]); }
GAVEL_INLINE Mask either(const Mask &a, const Mask &b) { GAVEL_LANES(Mask, a.lane[i] || b.lane[i]); }
GAVEL_INLINE Mask both(const Mask &a, const Mask &b) { GAVEL_LANES(Mask, a.lane[i] && b.lane[i]); }
GAVEL_INLINE Mask first_lanes(int64_t n) { GAVEL_LANES(Mask, i < n); }
GAVEL_INLINE Vector select(const Mask &m, const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, m.lane[i] ? a.lane[i] : b.lane[i]);
}
GAVEL_INLINE Words select(const Mask &m, const Words &a, const Words &b) {
  GAVEL_LANES(Words, m.lane[i] ? a.lane[i] : b.lane[i]);
}

GAVEL_INLINE Words set_words(uint32_t x) { GAVEL_LANES(Words, x); }
GAVEL_INLINE Words load_words(const void *p) {
  Words out;
  __builtin_memcpy(&out, p, sizeof out);
  return out;
}
GAVEL_INLINE void store_words(void *p, const Words &w) { __builtin_memcpy(p, &w, sizeof w); }
GAVEL_INLINE Words add_words(const Words &a, const Words &b) { GAVEL_LANES(Words, a.lane[i] + b.lane[i]); }
GAVEL_INLINE Words subtract_words(const Words &a, const Words &b) { GAVEL_LANES(Words, a.lane[i] - b.lane[i]); }
GAVEL_INLINE Words and_words(const Words &a, const Words &b) { GAVEL_LANES(Words, a.lane[i] & b.lane[i]); }
GAVEL_INLINE Words or_words(const Words &a, const Words &b) { GAVEL_LANES(Words, a.lane[i] | b.lane[i]); }
template <int kBits>
GAVEL_INLINE Words shift_left(const Words &a) {
  GAVEL_LANES(Words, a.lane[i] << kBits);
}
template <int kBits>
GAVEL_INLINE Words shift_right(const Words &a) {
  GAVEL_LANES(Words, a.lane[i] >> kBits);
}
GAVEL_INLINE Words words_of(const Vector &v) { GAVEL_LANES(Words, bits(v.lane[i])); }
GAVEL_INLINE Vector vector_of(const Words &w) { GAVEL_LANES(Vector, number(w.lane[i])); }

GAVEL_INLINE Vector even_lanes(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, (i < 8 ? a : b).lane[2 * i % 16]);
}
GAVEL_INLINE Vector odd_lanes(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, (i < 8 ? a : b).lane[2 * i % 16 + 1]);
}
GAVEL_INLINE Vector interleave_low(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, (i % 2 == 0 ? a : b).lane[i / 2]);
}
GAVEL_INLINE Vector interleave_high(const Vector &a, const Vector &b) {
  GAVEL_LANES(Vector, (i % 2 == 0 ? a : b).lane[8 + i / 2]);
}
// clang-format on

#undef GAVEL_LANES

}  // namespace
}  // namespace gavel::scalar

#endif
