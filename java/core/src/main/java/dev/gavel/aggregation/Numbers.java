package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/** Checks and functions that more than one aggregation needs. */
final class Numbers {
  private Numbers() {}

  /** Refuses NaN and +infinity: -infinity is a response without a token. */
  static void requireScores(String what, double... values) {
    for (int i = 0; i < values.length; i++) {
      if (Double.isNaN(values[i]) || values[i] == Double.POSITIVE_INFINITY) {
        throw new InvalidArgumentException(
            "%s %d of %d is %s; it must be a number, or -infinity for a response without a token"
                .formatted(what, i, values.length, values[i]));
      }
    }
  }

  /** Refuses NaN and infinities. */
  static void requireFinite(String what, double... values) {
    for (int i = 0; i < values.length; i++) {
      if (!Double.isFinite(values[i])) {
        throw new InvalidArgumentException(
            "%s %d of %d is %s; it must be finite: leave responses without a token out first"
                .formatted(what, i, values.length, values[i]));
      }
    }
  }

  /** Refuses what is not finite or below 0. */
  static void requireNotNegative(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and 0 or more".formatted(what, value));
    }
  }

  /** Refuses what is not finite or not above 0. */
  static void requirePositive(String what, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and more than 0".formatted(what, value));
    }
  }

  static void requireSameLength(String one, int oneLength, String other, int otherLength) {
    if (oneLength != otherLength) {
      throw new InvalidArgumentException(
          "%d %s and %d %s; there must be as many of both"
              .formatted(oneLength, one, otherLength, other));
    }
  }

  static void requireSome(String what, int length) {
    if (length == 0) {
      throw new InvalidArgumentException("no %s; give one or more".formatted(what));
    }
  }

  static double sum(double... values) {
    return Arrays.stream(values).sum();
  }

  /** The mean; values that are all the same give exactly that value. */
  static double mean(double... values) {
    double first = values[0];
    return first + Arrays.stream(values).map(value -> value - first).sum() / values.length;
  }

  /**
   * The mean without an error of its own, rounded once: means that are the same are equal, of
   * however many values and in whatever order, so that a rank is not lost to rounding.
   *
   * @param values finite, one or more
   */
  static double roundedMean(double... values) {
    BigDecimal sum =
        Arrays.stream(values).mapToObj(BigDecimal::new).reduce(BigDecimal.ZERO, BigDecimal::add);
    return sum.divide(BigDecimal.valueOf(values.length), MathContext.DECIMAL128).doubleValue();
  }

  /** Logarithm of 1 + exp(x), which does not overflow. */
  static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  static double sigmoid(double x) {
    double e = Math.exp(-Math.abs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
  }

  /** Logarithm of the sum of exponentials, relative to the largest. */
  static double logSumExp(double... values) {
    double largest = Arrays.stream(values).max().orElse(Double.NEGATIVE_INFINITY);
    return Double.isInfinite(largest)
        ? largest
        : largest + Math.log(Arrays.stream(values).map(value -> Math.exp(value - largest)).sum());
  }

  /** Shares proportional to exp(value / temperature); -infinity gets exactly 0. */
  static double[] softmax(double temperature, double... values) {
    double largest = Arrays.stream(values).max().orElse(Double.NEGATIVE_INFINITY);
    if (largest == Double.NEGATIVE_INFINITY) {
      throw new InvalidArgumentException(
          "none of %d scores is finite; there is nothing to share among".formatted(values.length));
    }
    double[] shares =
        Arrays.stream(values).map(value -> Math.exp((value - largest) / temperature)).toArray();
    double total = sum(shares);
    return Arrays.stream(shares).map(share -> share / total).toArray();
  }
}
