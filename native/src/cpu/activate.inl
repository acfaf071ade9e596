// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// activate.inl: the activations of common/activations.inl over whole rows. Included by each instruction-set file inside its namespace.

// body(lanes, k, slope of the elements k .. k + 15).
template <int32_t kActivation, typename Body>
GAVEL_INLINE void sweep_slopes(const float *slope, int64_t n, Body body) {
  if constexpr (kActivation == GAVEL_ACTIVATION_PRELU) {
    sweep(n, [&](auto lanes, int64_t k) { body(lanes, k, read(lanes, slope + k)); });
  } else {
    const Vector shared = set(kActivation == GAVEL_ACTIVATION_LEAKY_RELU ? slope[0] : 0);
    sweep(n, [&](auto lanes, int64_t k) { body(lanes, k, shared); });
  }
}

template <int32_t kActivation>
void activate_row(const float *slope, float *a, int64_t n) {
  sweep_slopes<kActivation>(
      slope, n, [&](auto lanes, int64_t k, Vector s) { write(lanes, a + k, activated<kActivation>(read(lanes, a + k), s)); });
}

template <int32_t kActivation>
void activate_gradient_row(const float *slope, const float *a, float *d, int64_t n) {
  sweep_slopes<kActivation>(slope, n, [&](auto lanes, int64_t k, Vector s) {
    write(lanes, d + k, activation_gradient<kActivation>(read(lanes, a + k), s, read(lanes, d + k)));
  });
}

void activate(int32_t activation, const float *slope, float *a, int64_t n) {
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return activate_row<GAVEL_ACTIVATION_RELU>(slope, a, n);
    case GAVEL_ACTIVATION_LEAKY_RELU:
      return activate_row<GAVEL_ACTIVATION_LEAKY_RELU>(slope, a, n);
    case GAVEL_ACTIVATION_PRELU:
      return activate_row<GAVEL_ACTIVATION_PRELU>(slope, a, n);
    case GAVEL_ACTIVATION_TANH:
      return activate_row<GAVEL_ACTIVATION_TANH>(slope, a, n);
    case GAVEL_ACTIVATION_GELU:
      return activate_row<GAVEL_ACTIVATION_GELU>(slope, a, n);
    case GAVEL_ACTIVATION_GELU_TANH:
      return activate_row<GAVEL_ACTIVATION_GELU_TANH>(slope, a, n);
    case GAVEL_ACTIVATION_SELU:
      return activate_row<GAVEL_ACTIVATION_SELU>(slope, a, n);
    case GAVEL_ACTIVATION_SILU:
      return activate_row<GAVEL_ACTIVATION_SILU>(slope, a, n);
    default:  // GAVEL_ACTIVATION_IDENTITY; the head's spec admits no other
      return;
  }
}

void activate_gradient(int32_t activation, const float *slope, const float *a, float *d, int64_t n) {
  switch (activation) {
    case GAVEL_ACTIVATION_RELU:
      return activate_gradient_row<GAVEL_ACTIVATION_RELU>(slope, a, d, n);
    case GAVEL_ACTIVATION_LEAKY_RELU:
      return activate_gradient_row<GAVEL_ACTIVATION_LEAKY_RELU>(slope, a, d, n);
    case GAVEL_ACTIVATION_PRELU:
      return activate_gradient_row<GAVEL_ACTIVATION_PRELU>(slope, a, d, n);
    case GAVEL_ACTIVATION_TANH:
      return activate_gradient_row<GAVEL_ACTIVATION_TANH>(slope, a, d, n);
    case GAVEL_ACTIVATION_GELU:
      return activate_gradient_row<GAVEL_ACTIVATION_GELU>(slope, a, d, n);
    case GAVEL_ACTIVATION_GELU_TANH:
      return activate_gradient_row<GAVEL_ACTIVATION_GELU_TANH>(slope, a, d, n);
    case GAVEL_ACTIVATION_SELU:
      return activate_gradient_row<GAVEL_ACTIVATION_SELU>(slope, a, d, n);
    case GAVEL_ACTIVATION_SILU:
      return activate_gradient_row<GAVEL_ACTIVATION_SILU>(slope, a, d, n);
    default:  // GAVEL_ACTIVATION_IDENTITY
      return;
  }
}

void sigmoid(const float *in, float *out, int64_t n) {
  sweep(n, [&](auto lanes, int64_t k) { write(lanes, out + k, logistic(read(lanes, in + k))); });
}
