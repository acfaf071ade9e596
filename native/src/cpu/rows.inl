// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// rows.inl: the row kernels of kernels.h over the wrapper of vector.h, and the two loops every kernel is made of: sweep (element
// by element) and ordered_sum (the dot order of kernels.h). Included by each instruction-set file inside its namespace.

struct F32 {
  using Element = float;
};
struct F16 {
  using Element = uint16_t;
};
struct BF16 {
  using Element = uint16_t;
};

// A kernel's body gets All for sixteen elements of a row, or Some for those left at its end, so it is written once for both.
struct All {};
struct Some {
  int64_t count;
};

GAVEL_INLINE Vector read(All, F32, const float *p) {
  return load(p);
}
GAVEL_INLINE Vector read(All, F16, const uint16_t *p) {
  return load_f16(p);
}
GAVEL_INLINE Vector read(All, BF16, const uint16_t *p) {
  return load_bf16(p);
}
GAVEL_INLINE Vector read(Some some, F32, const float *p) {
  return load_partial(p, some.count);
}
GAVEL_INLINE Vector read(Some some, F16, const uint16_t *p) {
  return load_f16_partial(p, some.count);
}
GAVEL_INLINE Vector read(Some some, BF16, const uint16_t *p) {
  return load_bf16_partial(p, some.count);
}
template <typename Lanes>
GAVEL_INLINE Vector read(Lanes lanes, const float *p) {
  return read(lanes, F32{}, p);
}

GAVEL_INLINE void write(All, F32, float *p, Vector v) {
  store(p, v);
}
GAVEL_INLINE void write(All, F16, uint16_t *p, Vector v) {
  store_f16(p, v);
}
GAVEL_INLINE void write(All, BF16, uint16_t *p, Vector v) {
  store_bf16(p, v);
}
GAVEL_INLINE void write(Some some, F32, float *p, Vector v) {
  store_partial(p, v, some.count);
}
GAVEL_INLINE void write(Some some, F16, uint16_t *p, Vector v) {
  store_f16_partial(p, v, some.count);
}
GAVEL_INLINE void write(Some some, BF16, uint16_t *p, Vector v) {
  store_bf16_partial(p, v, some.count);
}
template <typename Lanes>
GAVEL_INLINE void write(Lanes lanes, float *p, Vector v) {
  write(lanes, F32{}, p, v);
}

// body(lanes, k) for the elements k .. k + 15 of a row, its end included.
template <typename Body>
GAVEL_INLINE void sweep(int64_t n, Body body) {
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) body(All{}, k);
  if (k < n) body(Some{n - k}, k);
}

// The dot order of kernels.h: step(lanes, k, sum) returns sum with the elements k .. k + 15 added, each to the lane of its number.
template <typename Step>
GAVEL_INLINE float ordered_sum(int64_t n, Step step) {
  Vector a = zero(), b = zero(), c = zero(), d = zero();
  int64_t k = 0;
  for (; k + 64 <= n; k += 64) {
    a = step(All{}, k, a);
    b = step(All{}, k + 16, b);
    c = step(All{}, k + 32, c);
    d = step(All{}, k + 48, d);
  }
  // Lanes past the end keep their sum: adding +0 to them would turn a -0 into +0.
  const auto rest = [&](int64_t from, Vector sum) {
    const int64_t left = n - from;
    if (left >= 16) return step(All{}, from, sum);
    return left > 0 ? select(first_lanes(left), step(Some{left}, from, sum), sum) : sum;
  };
  if (k < n) {
    a = rest(k, a);
    b = rest(k + 16, b);
    c = rest(k + 32, c);
    d = rest(k + 48, d);
  }
  return fold(add(add(a, c), add(b, d)));
}

template <typename Type>
void widen_from(const void *in, float *out, int64_t n) {
  const auto *from = static_cast<const typename Type::Element *>(in);
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, out + k, read(lanes, Type{}, from + k)); });
}

template <typename Type>
void narrow_to(const float *in, void *out, int64_t n) {
  auto *to = static_cast<typename Type::Element *>(out);
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, Type{}, to + k, read(lanes, in + k)); });
}

template <typename Type>
float dot_with(const float *x, const void *w, int64_t n) {
  const auto *weight = static_cast<const typename Type::Element *>(w);
  return ordered_sum(n, [&](auto lanes, int64_t k, Vector total) {
    return multiply_add(read(lanes, x + k), read(lanes, Type{}, weight + k), total);
  });
}

// dtype is one of three: callers of the kernel table have checked that.
void widen(int32_t dtype, const void *in, float *out, int64_t n) {
  if (dtype == GAVEL_F16) return widen_from<F16>(in, out, n);
  if (dtype == GAVEL_BF16) return widen_from<BF16>(in, out, n);
  widen_from<F32>(in, out, n);
}

void narrow(int32_t dtype, const float *in, void *out, int64_t n) {
  if (dtype == GAVEL_F16) return narrow_to<F16>(in, out, n);
  if (dtype == GAVEL_BF16) return narrow_to<BF16>(in, out, n);
  narrow_to<F32>(in, out, n);
}

float dot(const float *x, int32_t dtype, const void *w, int64_t n) {
  if (dtype == GAVEL_F16) return dot_with<F16>(x, w, n);
  if (dtype == GAVEL_BF16) return dot_with<BF16>(x, w, n);
  return dot_with<F32>(x, w, n);
}

// Rows, and rows and outputs, whose dots are made at once: they share the loads of what they have in common, and the sums of one hide the latency
// of another's. Each has four sums.
#if defined(__AVX512F__)
constexpr int kDotRows = 4, kSharedRows = 2, kSharedOutputs = 3;
#else
constexpr int kDotRows = 1, kSharedRows = 1, kSharedOutputs = 1;
#endif

struct DotRows {
  const void *const *rows;
  const void *const *ahead;  // null where nothing is asked of memory
  int64_t n;
  float *out;
  int64_t out_step;  // from row to row
};

// As ordered_sum, for kRows rows from r on and kOutputs rows of w. Without kAhead nothing is asked of memory: that would be as many accesses as
// the rows themselves.
template <int kRows, int kOutputs, bool kAhead, typename Type>
void dot_tile(const DotRows &dots, int64_t r, const typename Type::Element *w) {
  using Element = typename Type::Element;
  const int64_t n = dots.n;
  const Element *rows[kRows], *ahead[kRows];
  for (int i = 0; i < kRows; ++i) {
    rows[i] = static_cast<const Element *>(dots.rows[r + i]);
    if constexpr (kAhead) ahead[i] = static_cast<const Element *>(dots.ahead[r + i]);
  }
  Vector sums[4][kOutputs][kRows];
#pragma GCC unroll 4
  for (int a = 0; a < 4; ++a) {
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) sums[a][o][i] = zero();
    }
  }
  const auto step = [&](auto lanes, int64_t k, Vector(*sum)[kRows]) {
    Vector values[kRows];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      values[i] = read(lanes, Type{}, rows[i] + k);
      // Asking touches no memory and cannot fault. A cache line holds 16 floats or two times 16 halves.
      if constexpr (kAhead) __builtin_prefetch(ahead[i] + k);
    }
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) {
      const Vector weight = read(lanes, Type{}, w + o * n + k);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const Vector next = multiply_add(values[i], weight, sum[o][i]);
        // Lanes past the end keep their sum: adding +0 to them would turn a -0 into +0.
        if constexpr (__is_same(decltype(lanes), Some)) {
          sum[o][i] = select(first_lanes(lanes.count), next, sum[o][i]);
        } else {
          sum[o][i] = next;
        }
      }
    }
  };
  int64_t k = 0;
  for (; k + 64 <= n; k += 64) {
#pragma GCC unroll 4
    for (int a = 0; a < 4; ++a) step(All{}, k + 16 * a, sums[a]);
  }
#pragma GCC unroll 4
  for (int a = 0; a < 4; ++a) {
    const int64_t left = n - k - 16 * a;
    if (left >= 16) {
      step(All{}, k + 16 * a, sums[a]);
    } else if (left > 0) {
      step(Some{left}, k + 16 * a, sums[a]);
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      dots.out[(r + i) * dots.out_step + o] = fold(add(add(sums[0][o][i], sums[2][o][i]), add(sums[1][o][i], sums[3][o][i])));
    }
  }
}

template <int kOutputs, bool kAhead, typename Type>
void dot_rows(const DotRows &dots, int64_t count, const typename Type::Element *w) {
  constexpr int kRows = kOutputs == 1 ? kDotRows : kSharedRows;
  int64_t r = 0;
  for (; r + kRows <= count; r += kRows) dot_tile<kRows, kOutputs, kAhead, Type>(dots, r, w);
  for (; r < count; ++r) dot_tile<1, kOutputs, kAhead, Type>(dots, r, w);
}

template <typename Type>
void dots_of(const DotRows &dots, int64_t count, const void *weights, int64_t outputs) {
  const auto *w = static_cast<const typename Type::Element *>(weights);
  // The first output takes the rows from memory, as many at once as it can; the others find them in a cache.
  dot_rows<1, true, Type>(dots, count, w);
  for (int64_t done = 1; done < outputs;) {
    const int64_t left = outputs - done, taken = left < kSharedOutputs ? 1 : kSharedOutputs;
    const DotRows next = {dots.rows, nullptr, dots.n, dots.out + done, dots.out_step};
    if (taken == 1) {
      dot_rows<1, false, Type>(next, count, w + done * dots.n);
    } else {
      dot_rows<kSharedOutputs, false, Type>(next, count, w + done * dots.n);
    }
    done += taken;
  }
}

void dots(int32_t dtype, const void *const *rows, const void *const *ahead, int64_t count, const void *w, int64_t outputs,
          int64_t n, float *out, int64_t out_step) {
  const DotRows dots = {rows, ahead, n, out, out_step};
  if (dtype == GAVEL_F16) return dots_of<F16>(dots, count, w, outputs);
  if (dtype == GAVEL_BF16) return dots_of<BF16>(dots, count, w, outputs);
  dots_of<F32>(dots, count, w, outputs);
}

float sum(const float *x, int64_t n) {
  return ordered_sum(n, [&](auto lanes, int64_t k, Vector total) { return add(total, read(lanes, x + k)); });
}

float largest(const float *x, int64_t n) {
  Vector most = set(-__builtin_huge_valf());
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) most = maximum(load(x + k), most);
  if (k < n) most = select(first_lanes(n - k), maximum(load_partial(x + k, n - k), most), most);
  alignas(64) float lanes[16];
  store(lanes, most);
  float result = lanes[0];
  for (int lane = 1; lane < 16; ++lane) result = lanes[lane] > result ? lanes[lane] : result;
  return result;
}

float exponential_sum(const float *x, float shift, int64_t n) {
  const Vector taken = set(shift);
  return ordered_sum(
      n, [&](auto lanes, int64_t k, Vector total) { return add(total, exponential(subtract(read(lanes, x + k), taken))); });
}

void add_row(float *y, const float *x, int64_t n) {
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, y + k, add(read(lanes, y + k), read(lanes, x + k))); });
}

void subtract_row(float *y, const float *x, int64_t n) {
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, y + k, subtract(read(lanes, y + k), read(lanes, x + k))); });
}

void divide_row(float *y, float divisor, int64_t n) {
  const Vector d = set(divisor);
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, y + k, divide(read(lanes, y + k), d)); });
}

void multiply_add_row(float *y, float a, const float *x, int64_t n) {
  const Vector factor = set(a);
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, y + k, multiply_add(factor, read(lanes, x + k), read(lanes, y + k))); });
}

// Four rounds of interleaving row r with row r + 8 move a word's row number to where its column number was.
void transpose(const void *in, int64_t in_step, void *out, int64_t out_step) {
  Vector rows[16], next[16];
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) rows[r] = vector_of(load_words(static_cast<const char *>(in) + r * in_step));
#pragma GCC unroll 4
  for (int round = 0; round < 4; ++round) {
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      next[2 * r] = interleave_low(rows[r], rows[r + 8]);
      next[2 * r + 1] = interleave_high(rows[r], rows[r + 8]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) rows[r] = next[r];
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) store_words(static_cast<char *>(out) + r * out_step, words_of(rows[r]));
}

void panel_dot(const float *u, int64_t rows, const float *w, float *out, int64_t out_stride) {
  const Vector low = load(w), high = load(w + 16);
  for (int64_t r = 0; r < rows; ++r, u += 32) {
    out[r * out_stride] = fold(multiply_add(load(u + 16), high, multiply(load(u), low)));
  }
}

// One AdamW step, formulas in kernels.h.
void adamw(const AdamwStep *step, float *p, float *m, float *v, const float *g, int64_t n) {
  const Vector decay = set(step->decay), beta2 = set(step->beta2), step_size = set(step->step_size);
  const Vector one_minus_beta1 = set(step->one_minus_beta1), one_minus_beta2 = set(step->one_minus_beta2);
  const Vector correction = set(step->inverse_sqrt_correction2), epsilon = set(step->epsilon);
  sweep(n, [&](auto lanes, int64_t k) {
    const Vector gradient = read(lanes, g + k);
    const Vector old_mean = read(lanes, m + k);
    const Vector mean = multiply_add(one_minus_beta1, subtract(gradient, old_mean), old_mean);
    const Vector square = multiply_add(multiply(one_minus_beta2, gradient), gradient, multiply(beta2, read(lanes, v + k)));
    const Vector divisor = multiply_add(square_root(square), correction, epsilon);
    const Vector decayed = multiply(read(lanes, p + k), decay);
    write(lanes, m + k, mean);
    write(lanes, v + k, square);
    write(lanes, p + k, subtract(decayed, divide(multiply(step_size, mean), divisor)));
  });
}
