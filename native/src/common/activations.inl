// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// activations.inl: the activations of gavel.h and their derivatives, as torch.nn defines them, over a wrapper of cpu/vector.h or of
// cuda/lane.h. Included inside the wrapper's namespace, after functions.inl.
//
// At 0 the derivative is torch's: relu 0, leaky_relu and prelu the slope, selu scale * alpha. NaN gives NaN. As in torch, gelu,
// gelu_tanh and silu of -infinity are NaN (-infinity times 0) while every finite input gives a finite result, and some derivatives
// are NaN at infinities. Results and derivatives below 2^-126 are 0 (kernels.h), those of silu and gelu_tanh below about 2^-121.

// torch.nn.SELU (Klambauer et al. 2017).
constexpr float kSeluScale = 1.0507009873554805f;
constexpr float kSeluScaleAlpha = 1.7580993408473766f;
constexpr float kInverseSqrt2 = 0.70710678118654752f;
constexpr float kInverseSqrt2Pi = 0.39894228040143268f;
// gelu_tanh (Hendrycks and Gimpel 2016): x (1 + tanh(u)) / 2 = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
constexpr float kGelu2 = 1.5957691216057308f;         // 2 sqrt(2 / pi)
constexpr float kGelu2Cubic = 0.071354816272600250f;  // 2 sqrt(2 / pi) 0.044715

GAVEL_INLINE Vector gelu_tanh_2u(Vector x) {
  return multiply(x, multiply_add(multiply(x, x), set(kGelu2Cubic), set(kGelu2)));
}

GAVEL_INLINE Vector one_plus_exponential(Vector x) {
  return add(set(1), exponential(x));
}

GAVEL_INLINE Vector normal_distribution(Vector x) {
  return multiply(set(0.5f), add(set(1), error_function(multiply(x, set(kInverseSqrt2)))));
}

// activation(x). slope: of LEAKY_RELU and PRELU; the others do not look at it.
template <int32_t kActivation>
GAVEL_INLINE Vector activated(Vector x, [[maybe_unused]] Vector slope) {
  if constexpr (kActivation == GAVEL_ACTIVATION_RELU) {
    return select(less_equal(x, zero()), zero(), x);
  } else if constexpr (kActivation == GAVEL_ACTIVATION_LEAKY_RELU || kActivation == GAVEL_ACTIVATION_PRELU) {
    return select(less(zero(), x), x, multiply(slope, x));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_TANH) {
    return hyperbolic_tangent(x);
  } else if constexpr (kActivation == GAVEL_ACTIVATION_GELU) {
    return multiply(x, normal_distribution(x));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_GELU_TANH) {
    return divide(x, one_plus_exponential(negate(gelu_tanh_2u(x))));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_SELU) {
    const Vector negative = multiply(set(kSeluScaleAlpha), exponential_minus_1(x));
    return select(less(x, zero()), negative, multiply(set(kSeluScale), x));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_SILU) {
    return divide(x, one_plus_exponential(negate(x)));
  } else {
    static_assert(kActivation == GAVEL_ACTIVATION_IDENTITY);
    return x;
  }
}

// d activation'(x).
template <int32_t kActivation>
GAVEL_INLINE Vector activation_gradient(Vector x, [[maybe_unused]] Vector slope, Vector d) {
  if constexpr (kActivation == GAVEL_ACTIVATION_RELU) {
    return select(less_equal(x, zero()), zero(), d);
  } else if constexpr (kActivation == GAVEL_ACTIVATION_LEAKY_RELU || kActivation == GAVEL_ACTIVATION_PRELU) {
    return select(less(zero(), x), d, multiply(slope, d));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_TANH) {
    // 1 - tanh^2 = 4 e / (1 + e)^2 with e = e^(-2 |x|): no cancellation.
    const Vector magnitude = absolute(x);
    const Vector e = exponential(negate(add(magnitude, magnitude)));
    const Vector sum = add(set(1), e);
    return multiply(d, divide(multiply(set(4), e), multiply(sum, sum)));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_GELU) {
    const Vector density = multiply(set(kInverseSqrt2Pi), exponential(multiply(set(-0.5f), multiply(x, x))));
    return multiply(d, multiply_add(x, density, normal_distribution(x)));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_GELU_TANH) {
    // s + x s (1 - s) 2u', s = 1 / (1 + e^-2u). From |x| = 16 on s is 0 or 1; beyond, 2u' would overflow.
    const Vector c = maximum(set(-16), minimum(set(16), x));
    const Vector s = divide(set(1), one_plus_exponential(negate(gelu_tanh_2u(c))));
    const Vector slope_2u = multiply_add(multiply(c, c), set(3 * kGelu2Cubic), set(kGelu2));
    return multiply(d, multiply_add(multiply(c, slope_2u), multiply(s, subtract(set(1), s)), s));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_SELU) {
    const Vector negative = multiply(set(kSeluScaleAlpha), exponential(minimum(x, zero())));
    return multiply(d, select(less_equal(x, zero()), negative, set(kSeluScale)));
  } else if constexpr (kActivation == GAVEL_ACTIVATION_SILU) {
    // s (1 + x (1 - s)), s = 1 / (1 + e^-x).
    const Vector s = divide(set(1), one_plus_exponential(negate(x)));
    return multiply(d, multiply(s, multiply_add(x, subtract(set(1), s), set(1))));
  } else {
    static_assert(kActivation == GAVEL_ACTIVATION_IDENTITY);
    return d;
  }
}
