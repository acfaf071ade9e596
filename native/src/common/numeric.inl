// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// numeric.inl: the few transcendental functions losses are made of (numeric.h says how exact they are), over the wrapper of one_lane.h
// or one of cpu/vector.h. Included inside the wrapper's namespace. Branches are selections, and divisions are few: lanes cannot
// branch, and a division takes as long as ten other operations.

// ln 2 in two parts: an exponent times the first is exact.
constexpr float kLog2High = 0x1.63p-1f;
constexpr float kLog2Low = -0x1.bd0106p-13f;

// e^x = 2^k fraction, from x = k ln 2 + r with |r| <= ln 2 / 2.
struct UnfusedExponential {
  Words exponent;  // k + 0x4b400000
  Vector fraction;
};

GAVEL_HOST_DEVICE UnfusedExponential split_unfused_exponential(Vector x) {
  // Adding 1.5 * 2^23 rounds to the nearest integer, which then is the low part of the sum's bits.
  const Vector shifted = add(multiply(x, set(0x1.715476p+0f)), set(0x1.8p+23f));
  const Vector k = subtract(shifted, set(0x1.8p+23f));
  const Vector high = subtract(x, multiply(k, set(kLog2High)));
  const Vector low = multiply(k, set(kLog2Low));
  const Vector r = subtract(high, low);
  const Vector lost = subtract(subtract(high, r), low);  // what rounding took from r; without it logistic would pass 2 ULP
  Vector p = set(0x1.9f0c56p-13f);
  p = add(multiply(p, r), set(0x1.6d8bc6p-10f));
  p = add(multiply(p, r), set(0x1.11126cp-7f));
  p = add(multiply(p, r), set(0x1.555490p-5f));
  p = add(multiply(p, r), set(0x1.555554p-3f));
  p = add(multiply(p, r), set(0.5f));
  return {words_of(shifted), add(set(1.0f), add(r, add(multiply(multiply(r, r), p), lost)))};
}

constexpr float kLeastExponent = -0x1.5d589ep+6f;  // the first float whose e^x is below 2^-126

GAVEL_HOST_DEVICE Vector unfused_exponential(Vector x) {
  // Two factors: 2^128 alone is not a float. The biases of both exponents are in the sum that is halved.
  const UnfusedExponential e = split_unfused_exponential(x);
  const Words both = subtract_words(e.exponent, set_words(0x4b400000u - 254));
  const Words half = shift_right<1>(both);
  const Vector first = vector_of(shift_left<23>(half));
  const Vector second = vector_of(shift_left<23>(subtract_words(both, half)));
  Vector power = multiply(multiply(e.fraction, first), second);
  power = select(less(x, set(kLeastExponent)), zero(), power);
  return select(less(set(88.8f), x), set(__builtin_huge_valf()), power);
}

// The same for x <= 0, where 2^k is a float, and any number above.
GAVEL_HOST_DEVICE Vector unfused_exponential_below_0(Vector x) {
  const UnfusedExponential e = split_unfused_exponential(x);
  const Vector power = multiply(e.fraction, vector_of(shift_left<23>(add_words(e.exponent, set_words(127)))));
  return select(less(x, set(kLeastExponent)), zero(), power);
}

// log(1 + f) - f + small for 1 + f in [sqrt(1/2), sqrt(2)].
GAVEL_HOST_DEVICE Vector log_beyond_first_order(Vector f, Vector small) {
  Vector p = set(0x1.1bb5b2p-4f);
  p = add(multiply(p, f), set(-0x1.e22ab8p-4f));
  p = add(multiply(p, f), set(0x1.e5ae6cp-4f));
  p = add(multiply(p, f), set(-0x1.fb5c80p-4f));
  p = add(multiply(p, f), set(0x1.2340d8p-3f));
  p = add(multiply(p, f), set(-0x1.556284p-3f));
  p = add(multiply(p, f), set(0x1.99a472p-3f));
  p = add(multiply(p, f), set(-0x1.ffffeep-3f));
  p = add(multiply(p, f), set(0x1.555548p-2f));
  const Vector square = multiply(f, f);
  return add(subtract(multiply(multiply(square, f), p), multiply(set(0.5f), square)), small);
}

// log(u (1 + small)) for a normal u and |small| within a few ULP: the part of an argument that one float could not hold.
GAVEL_HOST_DEVICE Vector log_of_product(Vector u, Vector small) {
  // u = 2^k m with m in [sqrt(1/2), sqrt(2)): 0x3f3504f3 are the bits of sqrt(1/2). 256 keeps k + 256 positive.
  const Words distance = subtract_words(words_of(u), set_words(0x3f3504f3u));
  const Words k_plus_256 = shift_right<23>(add_words(distance, set_words(256u << 23)));
  const Vector n = subtract(vector_of(add_words(k_plus_256, set_words(0x4b400000u - 256))), set(0x1.8p+23f));
  const Vector m = vector_of(add_words(and_words(distance, set_words(0x7fffffu)), set_words(0x3f3504f3u)));
  const Vector f = subtract(m, set(1.0f));
  const Vector y = log_beyond_first_order(f, add(small, multiply(n, set(kLog2Low))));
  return add(add(f, y), multiply(n, set(kLog2High)));
}

// The same for u from 1 to 2, where k is 0 or 1.
GAVEL_HOST_DEVICE Vector log_of_product_from_1_to_2(Vector u, Vector small) {
  const Mask halved = less_equal(set(0x1.6a09e6p+0f), u);
  const Vector f = subtract(select(halved, multiply(set(0.5f), u), u), set(1.0f));
  const Vector y = log_beyond_first_order(f, select(halved, add(small, set(kLog2Low)), small));
  const Vector log = add(f, y);
  return select(halved, add(log, set(kLog2High)), log);
}

// log(x); -inf at +-0 and below 2^-126, NaN below 0.
GAVEL_HOST_DEVICE Vector natural_log(Vector x) {
  const Vector infinity = set(__builtin_huge_valf());
  Vector log = log_of_product(x, zero());
  log = select(less(x, set(0x1p-126f)), negate(infinity), log);
  log = select(less_equal(x, set(-0x1p-126f)), subtract(infinity, infinity), log);
  // Infinity and NaN are their own.
  return select(less(x, infinity), log, x);
}

// 1 + x as the float next to it, and what rounding took, relative to it; the inverse is what both its logarithm and shares of it need.
struct OnePlus {
  Vector sum;
  Vector inverse;
  Vector lost;
};

// 0 <= x <= 1.
GAVEL_HOST_DEVICE OnePlus one_plus_up_to_1(Vector x) {
  const Vector sum = add(set(1.0f), x);
  const Vector inverse = divide(set(1.0f), sum);
  return {sum, inverse, multiply(subtract(x, subtract(sum, set(1.0f))), inverse)};
}

// x >= 0, or from -1 on with a sum above 0.
GAVEL_HOST_DEVICE OnePlus one_plus(Vector x) {
  const Vector sum = add(set(1.0f), x);
  const Vector inverse = divide(set(1.0f), sum);
  // The larger term is taken off first: then nothing is rounded.
  const Vector lost =
      select(less_equal(set(1.0f), x), subtract(set(1.0f), subtract(sum, x)), subtract(x, subtract(sum, set(1.0f))));
  return {sum, inverse, multiply(lost, inverse)};
}

// log(1 + x), exact where 1 + x is not.
GAVEL_HOST_DEVICE Vector log_one_plus(Vector x) {
  const Vector infinity = set(__builtin_huge_valf());
  const OnePlus total = one_plus(x);
  Vector log = log_of_product(total.sum, total.lost);
  log = select(less_equal(x, set(-1.0f)), negate(infinity), log);
  log = select(less(x, set(-1.0f)), subtract(infinity, infinity), log);
  return select(less_equal(infinity, x), x, log);
}

GAVEL_HOST_DEVICE Vector share_of(Vector numerator, const OnePlus &total) {
  const Vector quotient = divide(numerator, total.sum);
  return subtract(quotient, multiply(quotient, total.lost));
}

// numerator / (1 + rest) for rest >= 0: the share of one term in a sum whose largest term is 1.
GAVEL_HOST_DEVICE Vector share_of(Vector numerator, Vector rest) {
  return share_of(numerator, one_plus(rest));
}

struct PartShares {
  Vector own;
  Vector others;
};

// The shares of a part of a sum and of all its other parts. The larger one is what the smaller leaves of 1: nearer than a quotient of its
// own, as the smaller one is off by at most half as much as a float next to it.
GAVEL_HOST_DEVICE PartShares part_shares(Vector own, Vector others, const OnePlus &total) {
  const Mask most = less(others, own);
  const Vector smaller = share_of(select(most, others, own), total);
  const Vector larger = subtract(set(1.0f), smaller);
  return {select(most, larger, smaller), select(most, smaller, larger)};
}

GAVEL_HOST_DEVICE PartShares part_shares(Vector own, Vector others, Vector rest) {
  return part_shares(own, others, one_plus(rest));
}

// Everything a logistic loss at x needs, from one exponential: log(1 + e^x) and 1 / (1 + e^-x), at x and at -x, without overflow on
// either side. NaN stays NaN.
struct LogisticTerms {
  Vector softplus;
  Vector softplus_of_minus;
  Vector logistic;
  Vector logistic_of_minus;
};

GAVEL_HOST_DEVICE LogisticTerms logistic_terms(Vector x) {
  const Vector e = unfused_exponential_below_0(negate(absolute(x)));
  const OnePlus total = one_plus_up_to_1(e);
  const Vector above_0 = log_of_product_from_1_to_2(total.sum, total.lost);
  const PartShares shares = part_shares(e, set(1.0f), total);
  const Mask negative = less(x, zero());
  return {
      add(select(less(zero(), x), x, zero()), above_0),
      add(select(negative, negate(x), zero()), above_0),
      select(negative, shares.own, shares.others),
      select(negative, shares.others, shares.own),
  };
}
