package dev.gavel.metric;

import java.util.List;
import java.util.Locale;

/**
 * A value with its confidence interval.
 *
 * @param value what was found
 * @param interval where the truth lies, as surely as the interval says
 */
public record Estimate(double value, Interval interval) {

  /** A share with its Wilson interval of 95 %. */
  public static Estimate of(Proportion share) {
    return new Estimate(share.value(), share.interval(0.95));
  }

  /**
   * An estimate and what it counts.
   *
   * @param weight more than 0, finite
   * @param estimate independent of the others
   */
  public record Weighted(double weight, Estimate estimate) {}

  /**
   * Weighted mean of independent estimates. Its interval is recovered from theirs (MOVER; Zou,
   * Huang and Zhang 2009, "A note on confidence interval estimation for a linear function of
   * binomial proportions"): with shares w of the whole weight,
   *
   * <pre>
   * low  = mean - sqrt(sum w^2 (value - low)^2)
   * high = mean + sqrt(sum w^2 (high - value)^2)
   * </pre>
   *
   * <p>so that the interval of a mean of Wilson intervals keeps away from 0 and 1 as they do, where
   * the usual standard error would be 0 for a part in which everything is right.
   *
   * @param parts one or more
   */
  public static Estimate weightedMean(List<Weighted> parts) {
    Checks.requireSome("part", parts.size());
    double total = 0;
    // Relative to the largest weight, so that the sum is finite.
    double largest = parts.stream().mapToDouble(Weighted::weight).max().orElseThrow();
    for (Weighted part : parts) {
      Checks.requirePositive("weight", part.weight());
      Checks.requireFinite("value", part.estimate().value());
      total += part.weight() / largest;
    }
    double mean = 0;
    double below = 0;
    double above = 0;
    for (Weighted part : parts) {
      double share = part.weight() / largest / total;
      Estimate estimate = part.estimate();
      mean += share * estimate.value();
      below += square(share * (estimate.value() - estimate.interval().low()));
      above += square(share * (estimate.interval().high() - estimate.value()));
    }
    return new Estimate(mean, new Interval(mean - Math.sqrt(below), mean + Math.sqrt(above)));
  }

  /** For instance {@code 64.1 % (57.9 to 69.9)}. */
  public String percent() {
    return String.format(
        Locale.ROOT,
        "%.1f %% (%.1f to %.1f)",
        percent(value),
        percent(interval.low()),
        percent(interval.high()));
  }

  // No -0.0 for what rounds to 0.
  private static double percent(double share) {
    return Math.abs(share) < 0.0005 ? 0 : 100 * share;
  }

  private static double square(double x) {
    return x * x;
  }
}
