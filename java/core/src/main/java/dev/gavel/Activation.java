package dev.gavel;

/**
 * What a hidden layer applies to each of its values; formulas are those of the {@code torch.nn}
 * modules of these names.
 */
public enum Activation {
  /** x. */
  IDENTITY(0),
  /** max(x, 0). */
  RELU(1),
  /** x above 0, else slope x; the slope is a number of the head's spec. */
  LEAKY_RELU(2),
  /** x above 0, else slope x; the slope is a parameter, one per layer or one per channel. */
  PRELU(3),
  /** tanh(x). */
  TANH(4),
  /** x Φ(x) with the exact error function. */
  GELU(5),
  /** The tanh approximation of GELU: a different function from {@link #GELU}. */
  GELU_TANH(6),
  /** λ x above 0, else λ α (exp(x) - 1), with λ = 1.0507009873554805 and α = 1.6732632423543772. */
  SELU(7),
  /** x σ(x), also called swish. */
  SILU(8);

  private final int code;

  Activation(int code) {
    this.code = code;
  }

  /** The number the C header has for it. */
  int code() {
    return code;
  }
}
