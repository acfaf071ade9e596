package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;

/** Checks that more than one metric needs. */
final class Checks {
  private Checks() {}

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

  static void requireFinite(String what, double... values) {
    for (int i = 0; i < values.length; i++) {
      if (!Double.isFinite(values[i])) {
        throw new InvalidArgumentException(
            "%s %d of %d is %s; it must be finite".formatted(what, i, values.length, values[i]));
      }
    }
  }

  static void requirePositive(String what, double value) {
    if (!(value > 0 && Double.isFinite(value))) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and more than 0".formatted(what, value));
    }
  }

  /** The mean, finite where values are; one or more. */
  static double mean(double... values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    // Where the sum overflows the mean need not.
    return Double.isFinite(mean)
        ? mean
        : Arrays.stream(values).map(value -> value / values.length).sum();
  }

  static void requireShare(String what, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new InvalidArgumentException(
          "%s is %s; it must be between 0 and 1".formatted(what, value));
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
}
