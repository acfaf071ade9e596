// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// functions.inl: exponential, tanh, erf and sigmoid over a wrapper of cpu/vector.h or of cuda/lane.h, each within 2 units in the last
// place (ULP) of the exact value for every float. Included inside the wrapper's namespace. The measured worst cases, over all
// floats, stand at each function; test/rows_functions.cpp keeps them below 2.
//
// Polynomials were fitted for the least relative error of the function they stand for (Lawson's iteration on 600 Chebyshev points,
// coefficients rounded to float one after the other, lowest first, the others fitted again each time); the error that is given is
// that of the polynomial in exact arithmetic.

// e^x = 2^exponent (1 + fraction), |fraction| <= 0.42; exponent is a whole number.
struct Exponential {
  Vector exponent;
  Words exponent_plus_254;
  Vector fraction;
};

// For |x| <= 2^15; x = NaN gives a NaN fraction.
GAVEL_INLINE Exponential split_exponential(Vector x) {
  // Adding 1.5 * 2^23 rounds to a whole number (nearest even), which then is the low part of the sum's bits.
  constexpr float kRound = 0x1.8p23f;
  constexpr uint32_t kRoundBits = 0x4b400000;
  const Vector shifted = multiply_add(x, set(0x1.715476p+0f), set(kRound));  // 1 / ln 2
  const Vector exponent = subtract(shifted, set(kRound));
  // ln 2 in two floats: exact to 2^-49.
  Vector r = multiply_add(exponent, set(-0x1.62e430p-1f), x);
  r = multiply_add(exponent, set(0x1.05c610p-29f), r);
  // (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2, e^r to 2^-33.2.
  Vector q = set(0x1.9dfbc8p-13f);
  q = multiply_add(q, r, set(0x1.6d4cc0p-10f));
  q = multiply_add(q, r, set(0x1.11130ep-7f));
  q = multiply_add(q, r, set(0x1.5554e8p-5f));
  q = multiply_add(q, r, set(0x1.555554p-3f));
  q = multiply_add(q, r, set(0.5f));
  return {exponent, subtract_words(words_of(shifted), set_words(kRoundBits - 254)), multiply_add(multiply(r, r), q, r)};
}

// v 2^exponent for -150 <= exponent <= 128, as a product with two powers: the last one flushes or overflows as it should.
GAVEL_INLINE Vector scale_by_power(Vector v, const Exponential &e) {
  const Words half = shift_right<1>(e.exponent_plus_254);
  const Vector first = vector_of(shift_left<23>(half));
  const Vector second = vector_of(shift_left<23>(subtract_words(e.exponent_plus_254, half)));
  return multiply(multiply(v, first), second);
}

// e^x; +0 below -87.34 (where it would be denormal), infinity above 88.72. Worst case 0.98 ULP.
GAVEL_INLINE Vector exponential(Vector x) {
  // Written so that a NaN stays: both functions give their second operand then.
  const Exponential e = split_exponential(maximum(set(-104), minimum(set(89), x)));
  return scale_by_power(add(set(1), e.fraction), e);
}

// e^x - 1 for x <= 0 without the cancellation near 0, and 0 for x > 0. Worst case 0.89 ULP.
GAVEL_INLINE Vector exponential_minus_1(Vector x) {
  x = maximum(set(-30), minimum(zero(), x));
  const Exponential e = split_exponential(x);
  const Vector power = vector_of(shift_left<23>(subtract_words(e.exponent_plus_254, set_words(127))));
  return multiply_add(power, e.fraction, subtract(power, set(1)));
}

// 1 / (1 + e^-x); +0 below -87.34. The plain formula is wrong by up to 2.5 ULP where both roundings of 1 + e^-x add up, so the part
// lost by them is kept (Knuth's exact sum) and taken off to first order. Worst case 1.44 ULP.
GAVEL_INLINE Vector logistic(Vector x) {
  const Exponential e = split_exponential(negate(maximum(set(-88), minimum(set(104), x))));
  const Vector one = set(1);
  const Vector power = add(one, e.fraction);
  const Vector high = scale_by_power(power, e);
  const Vector low = scale_by_power(subtract(e.fraction, subtract(power, one)), e);
  const Vector sum = add(one, high);
  const Vector other = subtract(sum, one);
  const Vector lost = add(add(subtract(one, subtract(sum, other)), subtract(high, other)), low);
  const Vector quotient = divide(one, sum);
  return multiply_add(negate(multiply(quotient, lost)), quotient, quotient);
}

// Worst case 1.34 ULP.
GAVEL_INLINE Vector hyperbolic_tangent(Vector x) {
  const Vector magnitude = absolute(x);
  const Vector s = multiply(x, x);
  // (tanh(x) / x - 1) / x^2 in x^2, for |x| <= 0.625, tanh to 2^-27.7.
  Vector p = set(-0x1.750ce2p-8f);
  p = multiply_add(p, s, set(0x1.51f8cep-6f));
  p = multiply_add(p, s, set(-0x1.b835a4p-5f));
  p = multiply_add(p, s, set(0x1.1106f6p-3f));
  p = multiply_add(p, s, set(-0x1.555532p-2f));
  const Vector small = multiply_add(multiply(x, s), p, x);
  const Vector large = subtract(set(1), divide(set(2), add(exponential(add(magnitude, magnitude)), set(1))));
  return copy_sign(select(less(magnitude, set(0.625f)), small, large), x);
}

// Worst case 1.11 ULP.
GAVEL_INLINE Vector error_function(Vector x) {
  const Vector magnitude = absolute(x);
  const Vector s = multiply(x, x);
  // erf(x) / x - 1 in x^2, for |x| <= 1, erf to 2^-29.4.
  Vector p = set(0x1.4771fcp-14f);
  p = multiply_add(p, s, set(-0x1.a3515ep-11f));
  p = multiply_add(p, s, set(0x1.53f224p-8f));
  p = multiply_add(p, s, set(-0x1.b7f71ap-6f));
  p = multiply_add(p, s, set(0x1.ce2ce6p-4f));
  p = multiply_add(p, s, set(-0x1.81273ep-2f));
  p = multiply_add(p, s, set(0x1.06eba8p-3f));
  const Vector small = multiply_add(x, p, x);
  // -log(1 - erf(t)) / t for 1 <= t <= 4, erf to 2^-28.6; from 3.92 on erf is 1 as a float.
  const Vector t = minimum(set(4), magnitude);
  Vector q = set(-0x1.b9c122p-13f);
  q = multiply_add(q, t, set(0x1.a1b8dep-9f));
  q = multiply_add(q, t, set(-0x1.758806p-6f));
  q = multiply_add(q, t, set(0x1.ae8e6ap-4f));
  q = multiply_add(q, t, set(0x1.458bb0p-1f));
  q = multiply_add(q, t, set(0x1.20e412p+0f));
  const Vector large = subtract(set(1), exponential(negate(multiply(t, q))));
  return copy_sign(select(less(magnitude, set(1)), small, large), x);
}
