package dev.gavel.cli.metric;

import java.util.Locale;

/**
 * So many of so many, with the Wilson score interval (Wilson 1927).
 *
 * @param count 0 to {@code of}
 * @param of 0 or more
 */
public record Proportion(long count, long of) {
  /** The 97.5 % point of the standard normal distribution: both tails together leave 5 %. */
  private static final double Z = 1.959963984540054;

  /** The share; 0 of nothing. */
  public double value() {
    return of == 0 ? 0 : (double) count / of;
  }

  /** Lower end of the 95 % interval; 0 of nothing. */
  public double low() {
    return of == 0 ? 0 : Math.max(0, center() - halfWidth());
  }

  /** Upper end of the 95 % interval; 1 of nothing. */
  public double high() {
    return of == 0 ? 1 : Math.min(1, center() + halfWidth());
  }

  /** For instance {@code 64.1 % (57.9 to 69.9)}. */
  public String percent() {
    return String.format(
        Locale.ROOT, "%.1f %% (%.1f to %.1f)", 100 * value(), 100 * low(), 100 * high());
  }

  private double center() {
    return (value() + Z * Z / (2 * of)) / (1 + Z * Z / of);
  }

  private double halfWidth() {
    double p = value();
    return Z * Math.sqrt(p * (1 - p) / of + Z * Z / (4.0 * of * of)) / (1 + Z * Z / of);
  }
}
