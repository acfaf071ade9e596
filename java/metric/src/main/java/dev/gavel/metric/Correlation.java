package dev.gavel.metric;

import java.util.Arrays;
import java.util.OptionalDouble;
import org.hipparchus.stat.correlation.KendallsCorrelation;
import org.hipparchus.stat.ranking.NaturalRanking;

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
    NaturalRanking ranking = new NaturalRanking();
    return OptionalDouble.of(
        switch (this) {
          case KENDALL_TAU_B -> new KendallsCorrelation().correlation(x, y);
          case SPEARMAN -> pearson(ranking.rank(x), ranking.rank(y));
          case PEARSON -> pearson(x, y);
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

  // Not Hipparchus's, which takes the root of 1 - SSE / SST: near 0 that has lost its digits, or is
  // 0.
  private static double pearson(double[] one, double[] other) {
    double[] x = centred(one);
    double[] y = centred(other);
    double products = 0;
    double squares = 0;
    double otherSquares = 0;
    for (int i = 0; i < x.length; i++) {
      products += x[i] * y[i];
      squares += x[i] * x[i];
      otherSquares += y[i] * y[i];
    }
    return Math.clamp(products / Math.sqrt(squares) / Math.sqrt(otherSquares), -1, 1);
  }

  /**
   * Less their mean, in units of their range: from the first on, so that a large mean costs
   * nothing.
   */
  private static double[] centred(double... values) {
    double[] scaled = scaled(values);
    double[] gaps = scaled(Arrays.stream(scaled).map(value -> value - scaled[0]).toArray());
    for (int round = 0; round < 2; round++) {
      // Once more takes away what the first mean was rounded by.
      double mean = Arrays.stream(gaps).sum() / gaps.length;
      Arrays.setAll(gaps, i -> gaps[i] - mean);
    }
    return gaps;
  }

  /**
   * Numbers times a power of two that brings the largest between 1 and 2, so that no square of them
   * overflows, or vanishes where it counts. What does not depend on their unit keeps its bits.
   */
  private static double[] scaled(double... values) {
    int exponent = Math.getExponent(Arrays.stream(values).map(Math::abs).max().orElse(0));
    return Arrays.stream(values).map(value -> Math.scalb(value, -exponent)).toArray();
  }

  private static boolean isConstant(double... values) {
    return Arrays.stream(values).distinct().limit(2).count() < 2;
  }
}
