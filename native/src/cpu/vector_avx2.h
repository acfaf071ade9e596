// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vector_avx2.h: the operations of vector.h on two AVX registers of 8 lanes (AVX2, FMA, F16C).
#ifndef GAVEL_CPU_VECTOR_AVX2_H
#define GAVEL_CPU_VECTOR_AVX2_H

#include <immintrin.h>

#include <cstdint>

#include "cpu/vector.h"

namespace gavel::avx2 {
namespace {

struct Vector {
  __m256 low, high;
};
struct Words {
  __m256i low, high;
};
// Lanes of all ones or all zeros.
struct Mask {
  __m256 low, high;
};

// An operation is a line.
// clang-format off
GAVEL_INLINE Words words_of(Vector v) { return {_mm256_castps_si256(v.low), _mm256_castps_si256(v.high)}; }
GAVEL_INLINE Vector vector_of(Words w) { return {_mm256_castsi256_ps(w.low), _mm256_castsi256_ps(w.high)}; }

GAVEL_INLINE Vector zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
GAVEL_INLINE Vector set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
GAVEL_INLINE Words set_words(uint32_t x) {
  const __m256i all = _mm256_set1_epi32(static_cast<int>(x));
  return {all, all};
}

GAVEL_INLINE Words first_words(int64_t n) {
  const __m256i count = _mm256_set1_epi32(n < 0 ? 0 : n > 16 ? 16 : static_cast<int>(n));
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return {_mm256_cmpgt_epi32(count, lane), _mm256_cmpgt_epi32(count, _mm256_add_epi32(lane, _mm256_set1_epi32(8)))};
}
GAVEL_INLINE Mask first_lanes(int64_t n) {
  const Words m = first_words(n);
  return {_mm256_castsi256_ps(m.low), _mm256_castsi256_ps(m.high)};
}

GAVEL_INLINE Vector load(const float *p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
GAVEL_INLINE void store(float *p, Vector v) {
  _mm256_storeu_ps(p, v.low);
  _mm256_storeu_ps(p + 8, v.high);
}
// maskload and maskstore do not touch (nor fault on) lanes whose mask is 0.
GAVEL_INLINE Vector load_partial(const float *p, int64_t n) {
  const Words m = first_words(n);
  return {_mm256_maskload_ps(p, m.low), _mm256_maskload_ps(p + 8, m.high)};
}
GAVEL_INLINE void store_partial(float *p, Vector v, int64_t n) {
  const Words m = first_words(n);
  _mm256_maskstore_ps(p, m.low, v.low);
  _mm256_maskstore_ps(p + 8, m.high, v.high);
}
GAVEL_INLINE Vector gather(const float *p, int64_t step) {
  const __m256i lanes =
      _mm256_mullo_epi32(_mm256_set1_epi32(static_cast<int>(step)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return {_mm256_i32gather_ps(p, lanes, 4), _mm256_i32gather_ps(p + 8 * step, lanes, 4)};
}
GAVEL_INLINE void scatter(float *p, int64_t step, Vector v) {
  float lanes[16];
  store(lanes, v);
  for (int i = 0; i < 16; ++i) p[i * step] = lanes[i];
}
GAVEL_INLINE Words load_words(const void *p) {
  const __m256i *words = static_cast<const __m256i *>(p);
  return {_mm256_loadu_si256(words), _mm256_loadu_si256(words + 1)};
}
GAVEL_INLINE void store_words(void *p, Words w) {
  _mm256_storeu_si256(static_cast<__m256i *>(p), w.low);
  _mm256_storeu_si256(static_cast<__m256i *>(p) + 1, w.high);
}

GAVEL_INLINE Vector load_f16(const uint16_t *p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p + 8)))};
}
GAVEL_INLINE void store_f16(uint16_t *p, Vector v) {
  _mm_storeu_si128(reinterpret_cast<__m128i *>(p), _mm256_cvtps_ph(v.low, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128(reinterpret_cast<__m128i *>(p + 8), _mm256_cvtps_ph(v.high, _MM_FROUND_TO_NEAREST_INT));
}
GAVEL_INLINE __m256 widen_bf16(__m128i halves) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
GAVEL_INLINE Vector load_bf16(const uint16_t *p) {
  return {widen_bf16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p))),
          widen_bf16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p + 8)))};
}
GAVEL_INLINE __m256i narrow_bf16(__m256 v) {
  const __m256i all = _mm256_castps_si256(v);
  const __m256i upper = _mm256_srli_epi32(all, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(all, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
}
GAVEL_INLINE void store_bf16(uint16_t *p, Vector v) {
  const __m256i pairs = _mm256_packus_epi32(narrow_bf16(v.low), narrow_bf16(v.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), _mm256_permute4x64_epi64(pairs, 0xd8));
}

// There is no masked load of 16-bit lanes below AVX-512: a partial row goes through the stack.
GAVEL_INLINE void copy_halves(uint16_t *to, const uint16_t *from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}
GAVEL_INLINE Vector load_f16_partial(const uint16_t *p, int64_t n) {
  uint16_t row[16] = {};
  copy_halves(row, p, n);
  return load_f16(row);
}
GAVEL_INLINE Vector load_bf16_partial(const uint16_t *p, int64_t n) {
  uint16_t row[16] = {};
  copy_halves(row, p, n);
  return load_bf16(row);
}
GAVEL_INLINE void store_f16_partial(uint16_t *p, Vector v, int64_t n) {
  uint16_t row[16];
  store_f16(row, v);
  copy_halves(p, row, n);
}
GAVEL_INLINE void store_bf16_partial(uint16_t *p, Vector v, int64_t n) {
  uint16_t row[16];
  store_bf16(row, v);
  copy_halves(p, row, n);
}

GAVEL_INLINE Vector add(Vector a, Vector b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
GAVEL_INLINE Vector subtract(Vector a, Vector b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
GAVEL_INLINE Vector multiply(Vector a, Vector b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
GAVEL_INLINE Vector divide(Vector a, Vector b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
GAVEL_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
GAVEL_INLINE Vector square_root(Vector a) { return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)}; }
GAVEL_INLINE Vector maximum(Vector a, Vector b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
GAVEL_INLINE Vector minimum(Vector a, Vector b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }

GAVEL_INLINE Vector negate(Vector a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
}
GAVEL_INLINE Vector absolute(Vector a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
GAVEL_INLINE Vector copy_sign(Vector magnitude, Vector sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  const Vector rest = absolute(magnitude);
  return {_mm256_or_ps(rest.low, _mm256_and_ps(bit, sign.low)), _mm256_or_ps(rest.high, _mm256_and_ps(bit, sign.high))};
}

GAVEL_INLINE float fold(Vector v) {
  const __m256 eight = _mm256_add_ps(v.low, v.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

GAVEL_INLINE Mask less(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
GAVEL_INLINE Mask less_equal(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LE_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LE_OQ)};
}
GAVEL_INLINE Mask equal(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
}
GAVEL_INLINE Mask is_nan(Vector a) {
  return {_mm256_cmp_ps(a.low, a.low, _CMP_UNORD_Q), _mm256_cmp_ps(a.high, a.high, _CMP_UNORD_Q)};
}
GAVEL_INLINE Mask either(Mask a, Mask b) { return {_mm256_or_ps(a.low, b.low), _mm256_or_ps(a.high, b.high)}; }
GAVEL_INLINE Mask both(Mask a, Mask b) { return {_mm256_and_ps(a.low, b.low), _mm256_and_ps(a.high, b.high)}; }
GAVEL_INLINE Vector select(Mask m, Vector a, Vector b) {
  return {_mm256_blendv_ps(b.low, a.low, m.low), _mm256_blendv_ps(b.high, a.high, m.high)};
}
GAVEL_INLINE Words select(Mask m, Words a, Words b) { return words_of(select(m, vector_of(a), vector_of(b))); }

GAVEL_INLINE Words add_words(Words a, Words b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
GAVEL_INLINE Words subtract_words(Words a, Words b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
GAVEL_INLINE Words and_words(Words a, Words b) { return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)}; }
GAVEL_INLINE Words or_words(Words a, Words b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
template <int kBits>
GAVEL_INLINE Words shift_left(Words a) {
  return {_mm256_slli_epi32(a.low, kBits), _mm256_slli_epi32(a.high, kBits)};
}
template <int kBits>
GAVEL_INLINE Words shift_right(Words a) {
  return {_mm256_srli_epi32(a.low, kBits), _mm256_srli_epi32(a.high, kBits)};
}

// _mm256_shuffle_ps and _mm256_unpack work in each half of a register: the quarters are put in order before or after.
GAVEL_INLINE __m256 quarters_0_2_1_3(__m256 v) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8));
}
GAVEL_INLINE Vector even_lanes(Vector a, Vector b) {
  return {quarters_0_2_1_3(_mm256_shuffle_ps(a.low, a.high, 0x88)), quarters_0_2_1_3(_mm256_shuffle_ps(b.low, b.high, 0x88))};
}
GAVEL_INLINE Vector odd_lanes(Vector a, Vector b) {
  return {quarters_0_2_1_3(_mm256_shuffle_ps(a.low, a.high, 0xdd)), quarters_0_2_1_3(_mm256_shuffle_ps(b.low, b.high, 0xdd))};
}
GAVEL_INLINE Vector interleave(__m256 a, __m256 b) {
  const __m256 first = quarters_0_2_1_3(a), second = quarters_0_2_1_3(b);
  return {_mm256_unpacklo_ps(first, second), _mm256_unpackhi_ps(first, second)};
}
GAVEL_INLINE Vector interleave_low(Vector a, Vector b) { return interleave(a.low, b.low); }
GAVEL_INLINE Vector interleave_high(Vector a, Vector b) { return interleave(a.high, b.high); }
// clang-format on

}  // namespace
}  // namespace gavel::avx2

#endif
