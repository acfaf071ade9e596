package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.Arrays;

/** What the sum of squared deviations is divided by for a variance. */
public enum Divisor {
  /** n: the variance of these values (the default of numpy, ddof 0). */
  N,
  /** n - 1: the unbiased estimate from a sample (the default of PyTorch, ddof 1). */
  N_MINUS_ONE;

  /**
   * Standard deviation.
   *
   * @param values finite; at least one, or two for {@link #N_MINUS_ONE}
   * @return exactly 0 where all values are the same
   * @throws InvalidArgumentException if there are too few values, or one is not finite
   */
  public double standardDeviation(double... values) {
    int divisor = this == N ? values.length : values.length - 1;
    if (divisor < 1) {
      throw new InvalidArgumentException(
          "standard deviation of %s with divisor %s; that divides by %d"
              .formatted(Counted.of(values.length, "value"), this, divisor));
    }
    Numbers.requireFinite("value", values);
    // Scaled by a power of two, so that no square overflows, or vanishes where values differ.
    int exponent = Numbers.exponent(values);
    double[] scaled = Arrays.stream(values).map(value -> Math.scalb(value, -exponent)).toArray();
    double mean = Numbers.mean(scaled);
    double squares =
        Numbers.sum(Arrays.stream(scaled).map(value -> (value - mean) * (value - mean)).toArray());
    return Math.scalb(Math.sqrt(squares / divisor), exponent);
  }
}
