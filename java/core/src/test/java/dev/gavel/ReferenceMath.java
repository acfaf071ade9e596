package dev.gavel;

/** Functions of the vocabulary in double precision, written from their definitions. */
final class ReferenceMath {
  private static final double SELU_LAMBDA = 1.0507009873554805;
  private static final double SELU_ALPHA = 1.6732632423543772;
  private static final double TANH_FACTOR = Math.sqrt(2 / Math.PI);
  private static final double TANH_CUBIC = 0.044715;

  private ReferenceMath() {}

  static double sigmoid(double x) {
    double e = Math.exp(-Math.abs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
  }

  static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  /**
   * Taylor series near 0, continued fraction of the complement far away; both to the last bits of a
   * double.
   */
  static double erf(double x) {
    double a = Math.abs(x);
    if (a < 2.5) {
      double term = a;
      double sum = a;
      for (int n = 1; Math.abs(term) > 1e-20; n++) {
        term *= -a * a / n;
        sum += term / (2 * n + 1);
      }
      return Math.copySign(2 / Math.sqrt(Math.PI) * sum, x);
    }
    double fraction = 0;
    for (int k = 200; k > 0; k--) {
      fraction = k / 2.0 / (a + fraction);
    }
    return Math.copySign(1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction), x);
  }

  static double activate(Activation activation, double slope, double x) {
    return switch (activation) {
      case IDENTITY -> x;
      case RELU -> Math.max(x, 0);
      case LEAKY_RELU, PRELU -> x > 0 ? x : slope * x;
      case TANH -> Math.tanh(x);
      case GELU -> x * 0.5 * (1 + erf(x / Math.sqrt(2)));
      case GELU_TANH -> 0.5 * x * (1 + Math.tanh(TANH_FACTOR * (x + TANH_CUBIC * x * x * x)));
      case SELU -> x > 0 ? SELU_LAMBDA * x : SELU_LAMBDA * SELU_ALPHA * Math.expm1(x);
      case SILU -> x * sigmoid(x);
    };
  }

  static double activateGradient(Activation activation, double slope, double x) {
    return switch (activation) {
      case IDENTITY -> 1;
      case RELU -> x > 0 ? 1 : 0;
      case LEAKY_RELU, PRELU -> x > 0 ? 1 : slope;
      case TANH -> 1 - Math.tanh(x) * Math.tanh(x);
      case GELU ->
          0.5 * (1 + erf(x / Math.sqrt(2))) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      case GELU_TANH -> {
        double t = Math.tanh(TANH_FACTOR * (x + TANH_CUBIC * x * x * x));
        yield 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * TANH_FACTOR * (1 + 3 * TANH_CUBIC * x * x);
      }
      case SELU -> x > 0 ? SELU_LAMBDA : SELU_LAMBDA * SELU_ALPHA * Math.exp(x);
      case SILU -> sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    };
  }
}
