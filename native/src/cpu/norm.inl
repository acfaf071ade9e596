// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// norm.inl: RMS norm (Zhang and Sennrich 2019) and layer norm (Ba, Kiros and Hinton 2016) of one row of n elements, and their
// gradients, over the wrapper of vector.h. Included by each instruction-set file inside its namespace.
//
// With mean = sum(x) / n (LAYER; RMS has none and subtracts nothing), c = x - mean and scale = 1 / sqrt(sum(c c) / n + epsilon):
//   h = c scale,  y = h weight (+ bias).
// Gradient, from dy, with g = dy weight:
//   dweight += dy h,  dbias += dy,  dx = scale (g - sum(g) / n - h sum(g h) / n), the second term for LAYER only.
// Sums are in dot order; each division by n and the root are rounded to f32.

GAVEL_INLINE float norm_scale(float squares, int64_t n, float epsilon) {
  return 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon);
}

template <bool kLayer>
void norm_row(float *row, int64_t n, const float *weight, const float *bias, float epsilon) {
  const Vector mean = set(kLayer ? sum(row, n) / static_cast<float>(n) : 0);
  const float squares = ordered_sum(n, [&](auto lanes, int64_t k, Vector total) {
    Vector c = read(lanes, row + k);
    if constexpr (kLayer) {
      c = subtract(c, mean);
      write(lanes, row + k, c);
    }
    return multiply_add(c, c, total);
  });
  const Vector scale = set(norm_scale(squares, n, epsilon));
  sweep(n, [&](auto lanes, int64_t k) {
    const Vector h = multiply(read(lanes, row + k), scale);
    const Vector w = read(lanes, weight + k);
    write(lanes, row + k, bias ? multiply_add(h, w, read(lanes, bias + k)) : multiply(h, w));
  });
}

template <bool kLayer>
void norm_gradient_row(const float *x, const float *weight, float epsilon, const float *dy, int64_t n, float *dx,
                       float *dweight, float *dbias) {
  const float count = static_cast<float>(n);
  const Vector mean = set(kLayer ? sum(x, n) / count : 0);
  const auto centred = [&](auto lanes, int64_t k) { return kLayer ? subtract(read(lanes, x + k), mean) : read(lanes, x + k); };
  const float squares = ordered_sum(n, [&](auto lanes, int64_t k, Vector total) {
    const Vector c = centred(lanes, k);
    return multiply_add(c, c, total);
  });
  const Vector scale = set(norm_scale(squares, n, epsilon));
  const Vector mean_g = set(kLayer ? dot(dy, GAVEL_F32, weight, n) / count : 0);
  const float products = ordered_sum(n, [&](auto lanes, int64_t k, Vector total) {
    const Vector g = multiply(read(lanes, dy + k), read(lanes, weight + k));
    return multiply_add(g, multiply(centred(lanes, k), scale), total);
  });
  const Vector minus_mean_gh = set(-(products / count));
  sweep(n, [&](auto lanes, int64_t k) {
    const Vector gradient = read(lanes, dy + k);
    const Vector h = multiply(centred(lanes, k), scale);
    Vector g = multiply(gradient, read(lanes, weight + k));
    if constexpr (kLayer) g = subtract(g, mean_g);
    write(lanes, dx + k, multiply(multiply_add(h, minus_mean_gh, g), scale));
    if (dweight) write(lanes, dweight + k, multiply_add(gradient, h, read(lanes, dweight + k)));
    if (dbias) write(lanes, dbias + k, add(read(lanes, dbias + k), gradient));
  });
}

void norm(int32_t kind, float *row, int64_t n, const float *weight, const float *bias, float epsilon) {
  const auto run = kind == GAVEL_NORM_LAYER ? norm_row<true> : norm_row<false>;
  run(row, n, weight, bias, epsilon);
}

void norm_gradient(int32_t kind, const float *x, const float *weight, float epsilon, const float *dy, int64_t n, float *dx,
                   float *dweight, float *dbias) {
  const auto run = kind == GAVEL_NORM_LAYER ? norm_gradient_row<true> : norm_gradient_row<false>;
  run(x, weight, epsilon, dy, n, dx, dweight, dbias);
}
