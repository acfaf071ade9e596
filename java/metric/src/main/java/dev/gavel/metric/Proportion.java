package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import org.hipparchus.special.Erf;

/**
 * So many of so many, with the Wilson score interval (Wilson 1927).
 *
 * @param count 0 to {@code of}
 * @param of 0 or more, less than 2^31
 */
public record Proportion(long count, long of) {
  /** Checks the numbers. */
  public Proportion {
    if (count < 0 || count > of || of > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "%d of %d; it must be 0 or more of at least as many, and less than 2^31"
              .formatted(count, of));
    }
  }

  /** The share; 0 of nothing. */
  public double value() {
    return of == 0 ? 0 : (double) count / of;
  }

  /** Lower end of the 95 % interval; 0 of nothing. */
  public double low() {
    return interval(0.95).low();
  }

  /** Upper end of the 95 % interval; 1 of nothing. */
  public double high() {
    return interval(0.95).high();
  }

  /**
   * The Wilson interval; 0 to 1 of nothing.
   *
   * @param confidence more than 0, less than 1
   * @throws InvalidArgumentException if it is not
   */
  public Interval interval(double confidence) {
    if (!(confidence > 0 && confidence < 1)) {
      throw new InvalidArgumentException(
          "confidence %s; it must be between 0 and 1, both not included".formatted(confidence));
    }
    if (of == 0) {
      return new Interval(0, 1);
    }
    // Not Hipparchus's, which counts in int: beyond 0 and 1 next to 2^31, and NaN where the
    // confidence is near 1.
    double z = Math.sqrt(2) * Erf.erfInv(confidence);
    double p = value();
    double square = z * z / of;
    double half = z * Math.sqrt((p * (1 - p) + square / 4) / of);
    double high = (p + square / 2 + half) / (1 + square);
    // The roots multiply to p^2 / (1 + z^2 / n), which spares the difference of two like numbers.
    // At the ends, where the formula gives 0 and 1, rounding would leave a little more or less.
    double low = count == 0 ? 0 : p * p / (1 + square) / high;
    return new Interval(Math.min(low, p), count == of ? 1 : Math.max(high, p));
  }

  /** For instance {@code 64.1 % (57.9 to 69.9)}. */
  public String percent() {
    return Estimate.of(this).percent();
  }
}
