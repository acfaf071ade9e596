package dev.gavel.metric;

import java.util.Arrays;
import java.util.OptionalDouble;
import org.hipparchus.stat.correlation.KendallsCorrelation;
import org.hipparchus.stat.correlation.PearsonsCorrelation;
import org.hipparchus.stat.correlation.SpearmansCorrelation;

/** How two lists of numbers go together, -1 to 1. */
public enum Correlation {
  /** Of the ranks by pairs, with ties in either list taken out (Kendall's tau-b). */
  KENDALL_TAU_B,
  /** Of the ranks, equals sharing their mean rank (Spearman's rho). */
  SPEARMAN,
  /** Of the numbers themselves (Pearson's r); needs finite ones. */
  PEARSON;

  /**
   * Correlates.
   *
   * @param one not NaN
   * @param other not NaN, as many
   * @return empty where it is not defined: for fewer than two items, or where one list does not
   *     vary
   */
  public OptionalDouble of(double[] one, double[] other) {
    Checks.requireSameLength("numbers", one.length, "others", other.length);
    double[] x = plain(one);
    double[] y = plain(other);
    if (isConstant(x) || isConstant(y)) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(
        switch (this) {
          case KENDALL_TAU_B -> new KendallsCorrelation().correlation(x, y);
          case SPEARMAN -> new SpearmansCorrelation().correlation(x, y);
          case PEARSON -> new PearsonsCorrelation().correlation(scaled(x), scaled(y));
        });
  }

  // 0 and -0 are equal scores; the library ranks one below the other.
  private double[] plain(double... values) {
    if (this == PEARSON) {
      Checks.requireFinite("number", values);
    } else {
      Checks.requireScores("number", values);
    }
    return Arrays.stream(values).map(value -> value + 0.0).toArray();
  }

  /**
   * Numbers times a power of two that brings the largest between 1 and 2, so that no square of them
   * overflows, or vanishes where it counts. What does not depend on their unit keeps its bits.
   */
  static double[] scaled(double... values) {
    int exponent = Math.getExponent(Arrays.stream(values).map(Math::abs).max().orElse(0));
    return Arrays.stream(values).map(value -> Math.scalb(value, -exponent)).toArray();
  }

  private static boolean isConstant(double... values) {
    return Arrays.stream(values).distinct().limit(2).count() < 2;
  }
}
