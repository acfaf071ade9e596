// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vector_avx512.h: the operations of vector.h on one AVX-512 register (AVX-512 F, BW, DQ, VL).
#ifndef GAVEL_CPU_VECTOR_AVX512_H
#define GAVEL_CPU_VECTOR_AVX512_H

// GCC 12 takes the "any value will do" registers inside its own AVX-512 intrinsics for mistakes (GCC bug 105593). The warning is raised
// where they are inlined, so it stays off for the rest of the files that include this one.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstdint>

#include "cpu/vector.h"

namespace gavel::avx512 {
namespace {

// Structs, so that the names of vector.h overload by type here as in the other wrappers.
struct Vector {
  __m512 all;
};
struct Words {
  __m512i all;
};
struct Mask {
  __mmask16 all;
};

// An operation is a line.
// clang-format off
GAVEL_INLINE Words words_of(Vector v) { return {_mm512_castps_si512(v.all)}; }
GAVEL_INLINE Vector vector_of(Words w) { return {_mm512_castsi512_ps(w.all)}; }

GAVEL_INLINE Vector zero() { return {_mm512_setzero_ps()}; }
GAVEL_INLINE Vector set(float x) { return {_mm512_set1_ps(x)}; }
GAVEL_INLINE Words set_words(uint32_t x) { return {_mm512_set1_epi32(static_cast<int>(x))}; }

GAVEL_INLINE Mask first_lanes(int64_t n) {
  const uint32_t count = n < 0 ? 0 : n > 16 ? 16 : static_cast<uint32_t>(n);
  return {static_cast<__mmask16>((1u << count) - 1)};
}

// A masked load or store does not touch (nor fault on) lanes whose mask is 0.
GAVEL_INLINE Vector load(const float *p) { return {_mm512_loadu_ps(p)}; }
GAVEL_INLINE Vector load_partial(const float *p, int64_t n) { return {_mm512_maskz_loadu_ps(first_lanes(n).all, p)}; }
GAVEL_INLINE void store(float *p, Vector v) { _mm512_storeu_ps(p, v.all); }
GAVEL_INLINE void store_partial(float *p, Vector v, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n).all, v.all); }
GAVEL_INLINE __m512i steps(int64_t step) {
  return _mm512_mullo_epi32(_mm512_set1_epi32(static_cast<int>(step)),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
GAVEL_INLINE Vector gather(const float *p, int64_t step) { return {_mm512_i32gather_ps(steps(step), p, 4)}; }
GAVEL_INLINE void scatter(float *p, int64_t step, Vector v) { _mm512_i32scatter_ps(p, steps(step), v.all, 4); }
GAVEL_INLINE Words load_words(const void *p) { return {_mm512_loadu_si512(p)}; }
GAVEL_INLINE void store_words(void *p, Words w) { _mm512_storeu_si512(p, w.all); }

GAVEL_INLINE __m256i load_halves(const uint16_t *p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)); }
GAVEL_INLINE __m256i load_halves(const uint16_t *p, int64_t n) { return _mm256_maskz_loadu_epi16(first_lanes(n).all, p); }
GAVEL_INLINE void store_halves(uint16_t *p, __m256i halves) { _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), halves); }
GAVEL_INLINE void store_halves(uint16_t *p, __m256i halves, int64_t n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n).all, halves);
}

GAVEL_INLINE Vector load_f16(const uint16_t *p) { return {_mm512_cvtph_ps(load_halves(p))}; }
GAVEL_INLINE Vector load_f16_partial(const uint16_t *p, int64_t n) { return {_mm512_cvtph_ps(load_halves(p, n))}; }
GAVEL_INLINE __m256i narrow_f16(Vector v) { return _mm512_cvtps_ph(v.all, _MM_FROUND_TO_NEAREST_INT); }
GAVEL_INLINE void store_f16(uint16_t *p, Vector v) { store_halves(p, narrow_f16(v)); }
GAVEL_INLINE void store_f16_partial(uint16_t *p, Vector v, int64_t n) { store_halves(p, narrow_f16(v), n); }

GAVEL_INLINE Vector widen_bf16(__m256i halves) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}
GAVEL_INLINE Vector load_bf16(const uint16_t *p) { return widen_bf16(load_halves(p)); }
GAVEL_INLINE Vector load_bf16_partial(const uint16_t *p, int64_t n) { return widen_bf16(load_halves(p, n)); }
// Not VCVTNEPS2BF16: that needs AVX512-BF16 and flushes denormals.
GAVEL_INLINE __m256i narrow_bf16(Vector v) {
  const __m512i all = _mm512_castps_si512(v.all);
  const __m512i upper = _mm512_srli_epi32(all, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(all, _mm512_set1_epi32(0x7fff)), odd), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(v.all, v.all, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, upper, _mm512_set1_epi32(0x40)));
}
GAVEL_INLINE void store_bf16(uint16_t *p, Vector v) { store_halves(p, narrow_bf16(v)); }
GAVEL_INLINE void store_bf16_partial(uint16_t *p, Vector v, int64_t n) { store_halves(p, narrow_bf16(v), n); }

GAVEL_INLINE Vector add(Vector a, Vector b) { return {_mm512_add_ps(a.all, b.all)}; }
GAVEL_INLINE Vector subtract(Vector a, Vector b) { return {_mm512_sub_ps(a.all, b.all)}; }
GAVEL_INLINE Vector multiply(Vector a, Vector b) { return {_mm512_mul_ps(a.all, b.all)}; }
GAVEL_INLINE Vector divide(Vector a, Vector b) { return {_mm512_div_ps(a.all, b.all)}; }
GAVEL_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.all, b.all, c.all)}; }
GAVEL_INLINE Vector square_root(Vector a) { return {_mm512_sqrt_ps(a.all)}; }
GAVEL_INLINE Vector maximum(Vector a, Vector b) { return {_mm512_max_ps(a.all, b.all)}; }
GAVEL_INLINE Vector minimum(Vector a, Vector b) { return {_mm512_min_ps(a.all, b.all)}; }

GAVEL_INLINE Vector negate(Vector a) { return {_mm512_xor_ps(a.all, _mm512_set1_ps(-0.0f))}; }
GAVEL_INLINE Vector absolute(Vector a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.all)}; }
GAVEL_INLINE Vector copy_sign(Vector magnitude, Vector sign) {
  return {_mm512_or_ps(absolute(magnitude).all, _mm512_and_ps(_mm512_set1_ps(-0.0f), sign.all))};
}

GAVEL_INLINE float fold(Vector v) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v.all), _mm512_extractf32x8_ps(v.all, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

GAVEL_INLINE Mask less(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_LT_OQ)}; }
GAVEL_INLINE Mask less_equal(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_LE_OQ)}; }
GAVEL_INLINE Mask equal(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.all, b.all, _CMP_EQ_OQ)}; }
GAVEL_INLINE Mask is_nan(Vector a) { return {_mm512_cmp_ps_mask(a.all, a.all, _CMP_UNORD_Q)}; }
GAVEL_INLINE Mask either(Mask a, Mask b) { return {static_cast<__mmask16>(a.all | b.all)}; }
GAVEL_INLINE Mask both(Mask a, Mask b) { return {static_cast<__mmask16>(a.all & b.all)}; }
GAVEL_INLINE Vector select(Mask m, Vector a, Vector b) { return {_mm512_mask_blend_ps(m.all, b.all, a.all)}; }
GAVEL_INLINE Words select(Mask m, Words a, Words b) { return {_mm512_mask_blend_epi32(m.all, b.all, a.all)}; }

GAVEL_INLINE Words add_words(Words a, Words b) { return {_mm512_add_epi32(a.all, b.all)}; }
GAVEL_INLINE Words subtract_words(Words a, Words b) { return {_mm512_sub_epi32(a.all, b.all)}; }
GAVEL_INLINE Words and_words(Words a, Words b) { return {_mm512_and_si512(a.all, b.all)}; }
GAVEL_INLINE Words or_words(Words a, Words b) { return {_mm512_or_si512(a.all, b.all)}; }
template <int kBits>
GAVEL_INLINE Words shift_left(Words a) {
  return {_mm512_slli_epi32(a.all, kBits)};
}
template <int kBits>
GAVEL_INLINE Words shift_right(Words a) {
  return {_mm512_srli_epi32(a.all, kBits)};
}

GAVEL_INLINE Vector pick(Vector a, Vector b, __m512i lanes) { return {_mm512_permutex2var_ps(a.all, lanes, b.all)}; }
GAVEL_INLINE Vector even_lanes(Vector a, Vector b) {
  return pick(a, b, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
}
GAVEL_INLINE Vector odd_lanes(Vector a, Vector b) {
  return pick(a, b, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
}
GAVEL_INLINE Vector interleave_low(Vector a, Vector b) {
  return pick(a, b, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}
GAVEL_INLINE Vector interleave_high(Vector a, Vector b) {
  return pick(a, b, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
}
// clang-format on

}  // namespace
}  // namespace gavel::avx512

#endif
