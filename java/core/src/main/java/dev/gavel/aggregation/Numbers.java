package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

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

  /**
   * The sum, rounded once: the same in whatever order, and finite where the true one is, so that a
   * tie is not lost to rounding. Infinite values are added as they are.
   */
  static double sum(double... values) {
    if (!Arrays.stream(values).allMatch(Double::isFinite)) {
      return ofInfinite(values);
    }
    double[] parts = parts(values);
    return parts.length > 1 ? exact(parts).doubleValue() : parts.length == 1 ? parts[0] : 0;
  }

  /**
   * The mean, rounded once: means that are the same are equal, of however many values and in
   * whatever order, so that a rank is not lost to rounding. Infinite values are added as they are.
   *
   * @param values one or more
   */
  static double mean(double... values) {
    if (!Arrays.stream(values).allMatch(Double::isFinite)) {
      return ofInfinite(values);
    }
    double[] parts = parts(values);
    return parts.length > 1
        ? exact(parts)
            .divide(BigDecimal.valueOf(values.length), MathContext.DECIMAL128)
            .doubleValue()
        : parts.length == 1 ? parts[0] / values.length : 0;
  }

  // Of the infinite ones alone, beside which a sum of finite ones must not overflow the other way.
  private static double ofInfinite(double... values) {
    return Arrays.stream(values).filter(value -> !Double.isFinite(value)).sum();
  }

  private static BigDecimal exact(double... values) {
    return Arrays.stream(values).mapToObj(BigDecimal::new).reduce(BigDecimal.ZERO, BigDecimal::add);
  }

  /**
   * Few numbers with exactly the sum of all, which do not overlap (Shewchuk 1997): what is lost in
   * an addition becomes a number of its own. All of them where a sum on the way overflows.
   */
  private static double[] parts(double... values) {
    double[] parts = new double[8];
    int count = 0;
    for (double value : values) {
      double x = value;
      int kept = 0;
      for (int i = 0; i < count; i++) {
        double y = parts[i];
        double high = x + y;
        double of = Math.abs(x) < Math.abs(y) ? y : x;
        double low = (Math.abs(x) < Math.abs(y) ? x : y) - (high - of);
        if (Double.isInfinite(high)) {
          return values;
        }
        if (low != 0) {
          parts[kept++] = low;
        }
        x = high;
      }
      if (kept == parts.length) {
        parts = Arrays.copyOf(parts, 2 * kept);
      }
      if (x != 0) {
        parts[kept++] = x;
      }
      count = kept;
    }
    return Arrays.copyOf(parts, count);
  }

  /** Σ weight value from the first value on; exact where the plain sum overflows on the way. */
  static double weightedSum(List<Double> weights, double[] values, int from) {
    double sum = 0;
    for (int i = 0; i < weights.size(); i++) {
      sum += weights.get(i) * values[from + i];
    }
    return Double.isFinite(sum)
        ? sum
        : IntStream.range(0, weights.size())
            .mapToObj(
                i -> new BigDecimal(weights.get(i)).multiply(new BigDecimal(values[from + i])))
            .reduce(BigDecimal.ZERO, BigDecimal::add)
            .doubleValue();
  }

  /**
   * (one - other) / scale; 0 where they are equal, and finite where the difference alone is not.
   */
  static double gap(double one, double other, double scale) {
    double gap = one - other;
    if (gap == 0) {
      return 0;
    }
    return Double.isInfinite(gap) && Double.isFinite(one) && Double.isFinite(other)
        ? (one / 2 - other / 2) / scale * 2
        : gap / scale;
  }

  /** The exponent of the largest of the values, by which they scale to numbers below 2. */
  static int exponent(double... values) {
    return Math.getExponent(Arrays.stream(values).map(Math::abs).max().orElse(0));
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
          "none of %s is finite; there is nothing to share among"
              .formatted(Counted.of(values.length, "score")));
    }
    double[] shares =
        Arrays.stream(values).map(value -> Math.exp(gap(value, largest, temperature))).toArray();
    double total = sum(shares);
    return Arrays.stream(shares).map(share -> share / total).toArray();
  }
}
