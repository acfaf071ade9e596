package dev.gavel;

/**
 * What a hidden layer applies to each of its values; formulas are those of the {@code torch.nn}
 * modules of these names.
 */
public enum Activation {
  /** x. */
  IDENTITY,
  /** max(x, 0). */
  RELU,
  /** x above 0, else slope x; the slope is a number of the head's spec. */
  LEAKY_RELU,
  /** x above 0, else slope x; the slope is a parameter, one per layer or one per channel. */
  PRELU,
  /** tanh(x). */
  TANH,
  /** x Φ(x) with the exact error function. */
  GELU,
  /** The tanh approximation of GELU: a different function from {@link #GELU}. */
  GELU_TANH,
  /** λ x above 0, else λ α (exp(x) - 1), with λ = 1.0507009873554805 and α = 1.6732632423543772. */
  SELU,
  /** x σ(x), also called swish. */
  SILU;

  /** The number the C header has for it. */
  int code() {
    return ordinal();
  }
}
