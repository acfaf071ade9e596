package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CorrelationTest {
  private static double[] sample(SplittableRandom random, int count) {
    double[] values = new double[count];
    Arrays.setAll(values, _ -> random.nextInt(6));
    return values;
  }

  /** Concordant less discordant pairs over the geometric mean of pairs untied in each list. */
  private static double kendall(double[] x, double[] y) {
    double sum = 0;
    double untiedX = 0;
    double untiedY = 0;
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < i; j++) {
        sum += Math.signum(x[i] - x[j]) * Math.signum(y[i] - y[j]);
        untiedX += Math.abs(Math.signum(x[i] - x[j]));
        untiedY += Math.abs(Math.signum(y[i] - y[j]));
      }
    }
    return sum / Math.sqrt(untiedX * untiedY);
  }

  private static double pearson(double[] x, double[] y) {
    double meanX = Arrays.stream(x).average().orElseThrow();
    double meanY = Arrays.stream(y).average().orElseThrow();
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - meanX) * (y[i] - meanY);
      xx += (x[i] - meanX) * (x[i] - meanX);
      yy += (y[i] - meanY) * (y[i] - meanY);
    }
    return xy / Math.sqrt(xx * yy);
  }

  private static double[] meanRanks(double... values) {
    double[] ranks = new double[values.length];
    Arrays.setAll(
        ranks,
        i ->
            0.5
                + Arrays.stream(values).filter(v -> v < values[i]).count()
                + Arrays.stream(values).filter(v -> v == values[i]).count() / 2.0);
    return ranks;
  }

  /** Another unit, however small or large, is another name for the same numbers. */
  @Test
  void theUnitOfNumbersDoesNotMatter() {
    double[] x = {1, 2, 4, 3, 0};
    double[] y = {2, 1, 5, 5, -1};
    double pearson = Correlation.PEARSON.of(x, y).orElseThrow();
    double determination = Fit.determination(x, y).orElseThrow();
    assertEquals(pearson(x, y), pearson, 1e-15);
    for (int exponent : new int[] {-1074, -1000, -600, 600, 1020}) {
      double[] other = Arrays.stream(x).map(value -> Math.scalb(value, exponent)).toArray();
      assertEquals(pearson, Correlation.PEARSON.of(other, y).orElseThrow(), "2^" + exponent);
      assertEquals(pearson, Correlation.PEARSON.of(y, other).orElseThrow(), 1e-15);
      assertEquals(determination, Fit.determination(other, y).orElseThrow(), "2^" + exponent);
    }
  }

  @Test
  void allAgreeWithBruteForce() {
    SplittableRandom random = new SplittableRandom(1);
    int compared = 0;
    for (int trial = 0; trial < 500; trial++) {
      int count = random.nextInt(2, 12);
      double[] x = sample(random, count);
      double[] y = sample(random, count);
      boolean constant =
          Arrays.stream(x).distinct().count() < 2 || Arrays.stream(y).distinct().count() < 2;
      for (Correlation correlation : Correlation.values()) {
        assertEquals(constant, correlation.of(x, y).isEmpty());
      }
      if (!constant) {
        compared++;
        assertEquals(kendall(x, y), Correlation.KENDALL_TAU_B.of(x, y).orElseThrow(), 1e-12);
        assertEquals(pearson(x, y), Correlation.PEARSON.of(x, y).orElseThrow(), 1e-12);
        assertEquals(
            pearson(meanRanks(x), meanRanks(y)),
            Correlation.SPEARMAN.of(x, y).orElseThrow(),
            1e-12);
      }
    }
    assertTrue(compared > 400);
  }

  @Test
  void byHand() {
    double[] x = {1, 2, 3, 4};
    double[] y = {1, 3, 2, 4};
    assertEquals(4 / 6.0, Correlation.KENDALL_TAU_B.of(x, y).orElseThrow(), 1e-15);
    assertEquals(0.8, Correlation.SPEARMAN.of(x, y).orElseThrow(), 1e-15);
    assertEquals(0.8, Correlation.PEARSON.of(x, y).orElseThrow(), 1e-15);
    // Ties: pairs 5, untied in x 5, in y 6.
    assertEquals(
        5 / Math.sqrt(30),
        Correlation.KENDALL_TAU_B.of(new double[] {1, 1, 2, 3}, x).orElseThrow(),
        1e-15);
  }

  @Test
  void zerosOfBothSignsAreEqual() {
    double[] x = {0.0, -0.0, 1};
    double[] plain = {0, 0, 1};
    double[] y = {2, 1, 3};
    for (Correlation correlation : Correlation.values()) {
      assertEquals(correlation.of(plain, y), correlation.of(x, y));
    }
    assertTrue(Correlation.SPEARMAN.of(new double[] {0.0, -0.0}, new double[] {1, 2}).isEmpty());
  }

  @Test
  void aResponseWithoutATokenIsTheLowest() {
    double[] x = {Double.NEGATIVE_INFINITY, 5, 7};
    double[] y = {1, 2, 3};
    assertEquals(1, Correlation.KENDALL_TAU_B.of(x, y).orElseThrow(), 1e-15);
    assertEquals(1, Correlation.SPEARMAN.of(x, y).orElseThrow(), 1e-15);
    refused("finite", () -> Correlation.PEARSON.of(x, y));
    for (Correlation correlation : Correlation.values()) {
      refused("NaN", () -> correlation.of(y, new double[] {1, Double.NaN, 2}));
      refused("2 numbers and 3", () -> correlation.of(new double[2], y));
      assertTrue(correlation.of(new double[1], new double[1]).isEmpty());
      assertTrue(correlation.of(new double[0], new double[0]).isEmpty());
    }
  }

  @Test
  void consistencyByHand() {
    double[] one = {0.3, 0.1, 0.2, 0.4};
    double[] other = {0.2, 0.1, 0.3, 0.4};
    // Ranks 3 1 2 4 and 2 1 3 4: one pair of six is turned; squares of rank gaps 2.
    assertEquals((4 / 6.0 + 1) / 2, Consistency.KENDALL.of(one, other), 1e-15);
    assertEquals((1 - 6 * 2 / 60.0 + 1) / 2, Consistency.SPEARMAN.of(one, other), 1e-15);
    assertEquals(0, Consistency.TOP_ORDER.of(one, other));
    assertEquals(1, Consistency.TOP_ORDER.of(new double[] {1, 2, 3, 4}, new double[] {1, 3, 2, 4}));
    for (Consistency consistency : Consistency.values()) {
      assertEquals(1, consistency.of(one, one), 1e-15);
      // Equal scores are ranked as they come, so they agree.
      assertEquals(1, consistency.of(new double[3], new double[3]), 1e-15);
      refused("no second score", () -> consistency.of(new double[1], new double[1]));
    }
    assertEquals(0, Consistency.KENDALL.of(new double[] {1, 2, 3}, new double[] {3, 2, 1}), 1e-15);
  }

  @Test
  void fitsByHand() {
    assertEquals(1, Fit.meanAbsoluteError(new double[] {1, 5}, new double[] {2, 4}));
    refused("no prediction", () -> Fit.meanAbsoluteError(new double[0], new double[0]));
    // r² = 0.8².
    assertEquals(
        0.64,
        Fit.determination(new double[] {1, 2, 3, 4}, new double[] {1, 3, 2, 4}).orElseThrow(),
        1e-15);
    assertEquals(
        1, Fit.determination(new double[] {1, 2, 3}, new double[] {7, 5, 3}).orElseThrow(), 1e-15);
    assertTrue(Fit.determination(new double[] {1, 2}, new double[] {3, 3}).isEmpty());
    assertTrue(Fit.determination(new double[] {2, 2}, new double[] {3, 4}).isEmpty());
  }

  @Test
  void consistencyOfZerosOfBothSigns() {
    double[] zeros = {0.0, -0.0, 1};
    for (Consistency consistency : Consistency.values()) {
      assertEquals(1, consistency.of(new double[] {0, 0, 1}, zeros), 1e-15);
    }
  }
}
