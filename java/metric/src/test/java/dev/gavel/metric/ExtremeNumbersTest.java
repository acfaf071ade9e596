package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Large counts, extreme numbers, long lists: what is defined is right, and the rest refused. */
class ExtremeNumbersTest {
  private static final double HUGE = 1e308;

  /** Both ends x solve (p - x)^2 = z^2 x (1 - x) / n, in a form that does not cancel. */
  @Test
  void wilsonsIntervalOfEveryCountAndConfidence() {
    double z = 1.959963984540054;
    for (long of = 1; of <= Integer.MAX_VALUE; of = 3 * of + 1) {
      for (long count : new long[] {0, 1, of / 2, of - 1, of}) {
        Proportion share = new Proportion(count, of);
        for (double x : new double[] {share.low(), share.high()}) {
          assertTrue(x >= 0 && x <= 1, share::toString);
          double variance = z * z * x * (1 - x) / of;
          assertEquals(
              variance,
              Math.pow(share.value() - x, 2),
              1e-6 * variance + 1e-16 / of,
              share::toString);
        }
      }
    }
    for (double confidence : new double[] {Double.MIN_VALUE, 1e-17, 1 - 1e-15, 1 - 0x1p-53}) {
      Interval interval = new Proportion(3, 10).interval(confidence);
      assertTrue(interval.low() > 0 && interval.low() <= 0.3, interval::toString);
      assertTrue(interval.high() < 1 && interval.high() >= 0.3, interval::toString);
    }
  }

  @Test
  void aWeakCorrelationKeepsItsDigits() {
    double[] x = {-2, -1, 0, 1, 2};
    double[] y = {4, 1, 0, 1, 4 + 1e-9};
    // Σ x y over the roots of Σ x² = 10 and of Σ (y - 2)² = 14.
    double covariance = 2 * (y[4] - 4);
    assertEquals(covariance / Math.sqrt(140), Correlation.PEARSON.of(x, y).orElseThrow(), 1e-15);
    Random random = new Random(1);
    for (int trial = 0; trial < 500; trial++) {
      double[] one = random.doubles(random.nextInt(2, 40)).toArray();
      double[] other = random.doubles(one.length).toArray();
      // Against the same with a mean of its own that is 2^20 times the deviations.
      double[] shifted = new double[one.length];
      for (int i = 0; i < one.length; i++) {
        one[i] = Math.rint(one[i] * 0x1p20) * 0x1p-20;
        shifted[i] = one[i] + 0x1p20;
      }
      double r = Correlation.PEARSON.of(one, other).orElseThrow();
      assertEquals(r, Correlation.PEARSON.of(shifted, other).orElseThrow(), 1e-14);
      assertEquals(r * r, Fit.determination(one, other).orElseThrow(), 1e-15);
      assertEquals(1, Correlation.PEARSON.of(one, shifted).orElseThrow(), 1e-15);
    }
  }

  @Test
  void hugeNumbersHaveTheirMean() {
    double[] huge = {HUGE, HUGE, HUGE};
    assertEquals(HUGE, Fit.meanAbsoluteError(huge, new double[3]), 1e293);
    assertArrayEquals(huge, BestOfNCurve.MEAN_OF_EQUALS.of(new double[3], huge), 1e293);
    assertArrayEquals(huge, BestOfNCurve.mean(huge, huge), 1e293);
    assertEquals(1, new PerformanceGap(-HUGE, HUGE, HUGE).recovered().orElseThrow());
    Interval mean = new Bootstrap(10, 0.5).ofMean(huge, new SplittableRandom(1));
    assertEquals(HUGE, mean.low(), 1e293);
    Estimate half = new Estimate(0.5, new Interval(0.4, 0.6));
    assertEquals(
        0.5,
        Estimate.weightedMean(
                List.of(new Estimate.Weighted(HUGE, half), new Estimate.Weighted(HUGE, half)))
            .value());
    assertEquals("0.0 % (0.0 to 0.0)", new Estimate(-0.0, new Interval(-1e-17, 1e-17)).percent());
  }

  @Test
  void equalRewardsShareInWhateverOrder() {
    List<Double> values =
        new ArrayList<>(
            new Random(2)
                .ints(9, -60, 60)
                .mapToDouble(i -> Math.scalb(i / 7.0, i))
                .boxed()
                .toList());
    double[] equal = new double[9];
    double[] expected = null;
    for (int trial = 0; trial < 50; trial++) {
      Collections.shuffle(values, new Random(trial));
      double[] shuffled = values.stream().mapToDouble(Double::doubleValue).toArray();
      double[] curve = BestOfNCurve.MEAN_OF_EQUALS.of(equal, shuffled);
      expected = expected == null ? curve : expected;
      assertArrayEquals(expected, curve);
    }
  }

  @Test
  void whatIsNotDefinedIsRefused() {
    Agreement nan =
        Agreement.of(List.of(Float.NaN, Float.NEGATIVE_INFINITY), List.of(1.0, 0.0)).orElseThrow();
    assertFalse(nan.tie());
    refused("no label", () -> Agreement.of(List.of(), List.of()));
    refused("as many", () -> Agreement.of(List.of(1f), List.of(1.0, 0.0)));
    refused("label 1 of 2", () -> Agreement.of(List.of(1f, 2f), List.of(1.0, Double.NaN)));
    refused("cannot be", () -> new PairAccuracy(Long.MAX_VALUE, Long.MAX_VALUE, 1));
    refused(
        "sample 0 of 3",
        () ->
            new Bootstrap(3, 0.5)
                .interval(2, _ -> Double.NEGATIVE_INFINITY, new SplittableRandom(1)));
    refused("curve", () -> BestOfNCurve.mean(new double[] {Double.NaN}));
    assertEquals(
        0.5,
        new CalibrationError(Integer.MAX_VALUE, CalibrationError.Edge.UPPER)
            .of(new double[] {0.5}, new boolean[] {true}));
  }

  @Test
  void theBestThresholdIsThatOfTryingAll() {
    Random random = new Random(3);
    for (int trial = 0; trial < 300; trial++) {
      int[] labels = new int[random.nextInt(2, 20)];
      List<double[]> steps = new ArrayList<>();
      for (int i = 0; i < labels.length; i++) {
        steps.add(random.ints(random.nextInt(5), 0, 5).mapToDouble(p -> p / 4.0).toArray());
        labels[i] = i == 0 ? 0 : i == 1 ? -1 : random.nextInt(-1, 5);
      }
      double[] thresholds =
          random.ints(random.nextInt(1, 9), 0, 9).mapToDouble(t -> t / 8.0).toArray();
      double best = thresholds[0];
      double most = -1;
      for (double threshold : thresholds) {
        int[] predictions =
            steps.stream().mapToInt(one -> ProcessBench.firstError(threshold, one)).toArray();
        double f1 = ProcessBench.of(labels, predictions).f1();
        best = f1 > most ? threshold : best;
        most = Math.max(most, f1);
      }
      assertEquals(best, ProcessBench.bestThreshold(thresholds, labels, steps));
    }
  }

  @Test
  @SuppressWarnings("JdkObsolete") // a list without random access is what is tested
  void longListsTakeNoQuadraticTime() {
    List<Integer> one = new LinkedList<>(new Random(4).ints(150_000, 0, 7).boxed().toList());
    List<Integer> other = new LinkedList<>(new Random(5).ints(150_000, 0, 7).boxed().toList());
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> assertEquals(0, LabelAgreement.of(one, other).kappa().orElseThrow(), 0.02));
    double[] thresholds = new Random(6).doubles(20_000).toArray();
    List<double[]> steps = new ArrayList<>();
    int[] labels = new int[20_000];
    for (int i = 0; i < labels.length; i++) {
      steps.add(new Random(i).doubles(4).toArray());
      labels[i] = i % 5 - 1;
    }
    assertTimeoutPreemptively(
        Duration.ofSeconds(20), () -> ProcessBench.bestThreshold(thresholds, labels, steps));
  }
}
