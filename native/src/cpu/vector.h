// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vector.h: what the wrappers vector_scalar.h, vector_avx2.h and vector_avx512.h provide. A kernel is written once over these
// names (in a *.inl file) and compiled once per instruction set; because every operation below is one correctly rounded IEEE
// operation or works on bits, all instruction sets give equal bits by construction.
//
//   Vector  16 floats, lane 0 first in memory        Words  16 uint32_t        Mask  16 truth values
//
//   zero() set(x) load(p) store(p, v)        any alignment
//   load_partial(p, n) store_partial(p, v, n)  0 <= n <= 16 lanes; other lanes load as +0 and are not stored; no other byte is touched
//   load_f16 load_bf16 (+ _partial)          16-bit storage (uint16_t) widened exactly; a signalling f16 NaN becomes quiet
//   store_f16 store_bf16 (+ _partial)        rounded to nearest even, overflow to infinity, NaN stays NaN (quiet, upper payload kept)
//   gather(p, step) scatter(p, step, v)      lane l at p[l * step], 0 < step < 2^26
//   add subtract multiply divide square_root
//   multiply_add(a, b, c)                    a * b + c, rounded once
//   maximum(a, b)                            a > b ? a : b, so b where either is NaN; minimum(a, b) a < b ? a : b likewise. A denormal
//                                            operand may come back as itself or as zero: use the result in arithmetic only
//   negate absolute copy_sign(m, s)          on the sign bit alone, NaN included
//   fold(v)                                  v[l] + v[l + 8] for l < 8, then 4, 2, 1
//   less(a, b) less_equal(a, b)              false where either is NaN; denormals compare as zero (kernels.h)
//   equal(a, b)                              false where either is NaN; denormals compare as zero
//   either(m, n) both(m, n)                  of two masks
//   is_nan(v) first_lanes(n)                 n below 0 means none, above 16 all
//   select(mask, a, b)                       mask ? a : b, bits unchanged; Vectors and Words
//   set_words load_words store_words add_words subtract_words and_words or_words shift_left<n> shift_right<n> (zeros come in)
//   words_of(v) vector_of(w)                 the same bits
//   even_lanes(a, b) odd_lanes(a, b)         lanes 0, 2, 4, ... (1, 3, 5, ...) of a, then of b
//   interleave_low(a, b) interleave_high(a, b)  a[0] b[0] a[1] b[1] ... of the first (last) 8 lanes: the way back
//
// Everything in a wrapper or a kernel has internal linkage (unnamed namespace) and no std:: template is used: kernels.h says why.
#ifndef GAVEL_CPU_VECTOR_H
#define GAVEL_CPU_VECTOR_H

// A wrapper function that stays a call would pass its vectors through memory.
#define GAVEL_INLINE [[gnu::always_inline]] inline

#endif
