package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Curves and calibration. */
class BestOfNCurveTest {

  /** Chooses from every set of responses. */
  private static double[] bruteForce(BestOfNCurve rule, double[] rewards, double[] values) {
    int count = rewards.length;
    double[] sums = new double[count];
    int[] sets = new int[count];
    for (int set = 1; set < 1 << count; set++) {
      double most = Double.NEGATIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        most = (set >> i & 1) == 1 ? Math.max(most, rewards[i]) : most;
      }
      double sum = 0;
      int equals = 0;
      for (int i = 0; i < count; i++) {
        boolean best = (set >> i & 1) == 1 && rewards[i] == most;
        boolean counts = best && (rule == BestOfNCurve.MEAN_OF_EQUALS || equals == 0);
        sum += counts ? values[i] : 0;
        equals += counts ? 1 : 0;
      }
      int n = Integer.bitCount(set);
      sums[n - 1] += sum / equals;
      sets[n - 1]++;
    }
    Arrays.setAll(sums, n -> sums[n] / sets[n]);
    return sums;
  }

  @Test
  void itIsTheMeanOverAllSets() {
    SplittableRandom random = new SplittableRandom(1);
    for (int trial = 0; trial < 200; trial++) {
      int count = random.nextInt(1, 11);
      double[] rewards = new double[count];
      double[] values = new double[count];
      Arrays.setAll(rewards, _ -> random.nextInt(5));
      Arrays.setAll(values, _ -> random.nextInt(10));
      for (BestOfNCurve rule : BestOfNCurve.values()) {
        double[] curve = rule.of(rewards, values);
        assertArrayEquals(bruteForce(rule, rewards, values), curve, 1e-12);
        assertEquals(Arrays.stream(values).average().orElseThrow(), curve[0], 1e-12);
      }
    }
  }

  @Test
  void byHand() {
    double[] rewards = {3, 1, 2};
    double[] values = {1, 0, 0};
    // Of pairs, two of three have the first.
    assertArrayEquals(
        new double[] {1 / 3.0, 2 / 3.0, 1},
        BestOfNCurve.FIRST_OF_EQUALS.of(rewards, values),
        1e-15);
    double[] same = new double[3];
    assertArrayEquals(
        new double[] {1 / 3.0, 1 / 3.0, 1 / 3.0},
        BestOfNCurve.MEAN_OF_EQUALS.of(same, values),
        1e-15);
    assertArrayEquals(
        new double[] {1 / 3.0, 2 / 3.0, 1}, BestOfNCurve.FIRST_OF_EQUALS.of(same, values), 1e-15);
    assertArrayEquals(
        new double[] {7}, BestOfNCurve.FIRST_OF_EQUALS.of(new double[1], new double[] {7}));
    assertArrayEquals(
        new double[] {2, 3}, BestOfNCurve.mean(new double[] {1, 2, 9}, new double[] {3, 4}));
  }

  /** Binomials of 2000 overflow a double; weights of the curve add up to 1 all the same. */
  @Test
  void largeGroupsDoNotOverflow() {
    double[] rewards = new double[2000];
    Arrays.setAll(rewards, i -> i);
    double[] ones = new double[2000];
    Arrays.fill(ones, 1);
    for (double value : BestOfNCurve.FIRST_OF_EQUALS.of(rewards, ones)) {
      assertEquals(1, value, 1e-11);
    }
    double[] curve = BestOfNCurve.FIRST_OF_EQUALS.of(rewards, rewards);
    // The expected largest of n of 0 to M - 1 without replacement is n (M + 1) / (n + 1) - 1.
    for (int n = 1; n <= 2000; n++) {
      assertEquals(n * 2001.0 / (n + 1) - 1, curve[n - 1], 1e-8);
    }
  }

  @Test
  void badCurvesAreRefused() {
    BestOfNCurve rule = BestOfNCurve.MEAN_OF_EQUALS;
    refused("no response", () -> rule.of(new double[0], new double[0]));
    refused("NaN", () -> rule.of(new double[] {Double.NaN}, new double[1]));
    refused("finite", () -> rule.of(new double[1], new double[] {Double.NaN}));
    refused("no curve", BestOfNCurve::mean);
  }

  @Test
  void calibrationByHand() {
    double[] confidences = {0.9, 0.8, 0.3, 0.1};
    boolean[] right = {true, false, true, false};
    // Two bins: upper |1.7 - 1| / 4, lower |0.4 - 1| / 4.
    for (CalibrationError.Edge edge : CalibrationError.Edge.values()) {
      assertEquals(1.3 / 4, new CalibrationError(2, edge).of(confidences, right), 1e-15);
      // One bin: |2.1 - 2| / 4.
      assertEquals(0.1 / 4, new CalibrationError(1, edge).of(confidences, right), 1e-15);
      CalibrationError ten = new CalibrationError(10, edge);
      assertEquals(0, ten.of(new double[] {0, 1}, new boolean[] {false, true}));
      assertEquals(1, ten.of(new double[] {0, 1}, new boolean[] {true, false}));
    }
  }

  @Test
  void aConfidenceOnTheEdge() {
    double[] confidences = {0.5, 0.9};
    boolean[] right = {false, true};
    // Together |1.4 - 1|, apart 0.5 and 0.1.
    assertEquals(
        0.2, new CalibrationError(2, CalibrationError.Edge.UPPER).of(confidences, right), 1e-15);
    assertEquals(
        0.3, new CalibrationError(2, CalibrationError.Edge.LOWER).of(confidences, right), 1e-15);
    CalibrationError error = new CalibrationError(2, CalibrationError.Edge.UPPER);
    refused("confidence 0", () -> error.of(new double[] {1.1}, new boolean[1]));
    refused("NaN", () -> error.of(new double[] {Double.NaN}, new boolean[1]));
    refused("no confidence", () -> error.of(new double[0], new boolean[0]));
    refused("0 bins", () -> new CalibrationError(0, CalibrationError.Edge.UPPER));
  }

  @Test
  void everyBorderBelongsToTheBinOfItsEdge() {
    // 28 / 47 * 47 is more than 28, and so of many others.
    for (int bins = 2; bins <= 200; bins++) {
      for (int border = 1; border < bins; border++) {
        double low = (double) border / bins;
        double high = (border + 0.5) / bins;
        double[] confidences = {low, high};
        boolean[] right = {false, true};
        assertEquals(
            Math.abs(low + high - 1) / 2,
            new CalibrationError(bins, CalibrationError.Edge.UPPER).of(confidences, right),
            1e-15);
        assertEquals(
            (low + 1 - high) / 2,
            new CalibrationError(bins, CalibrationError.Edge.LOWER).of(confidences, right),
            1e-15);
      }
    }
  }

  @Test
  void aPerfectScorerHasNoError() {
    SplittableRandom random = new SplittableRandom(2);
    int count = 200_000;
    double[] confidences = random.doubles(count).toArray();
    boolean[] right = new boolean[count];
    for (int i = 0; i < count; i++) {
      right[i] = random.nextDouble() < confidences[i];
    }
    double error = new CalibrationError(10, CalibrationError.Edge.UPPER).of(confidences, right);
    // A bin's error is about sqrt(0.25 / 20000) = 0.0035 or less.
    assertTrue(error < 0.0035, "error " + error);
  }

  @Test
  void zerosOfBothSignsAreEqual() {
    double[] values = {1, 0};
    for (double[] rewards : new double[][] {{0.0, -0.0}, {-0.0, 0.0}}) {
      assertArrayEquals(new double[] {0.5, 1}, BestOfNCurve.FIRST_OF_EQUALS.of(rewards, values));
      assertArrayEquals(new double[] {0.5, 0.5}, BestOfNCurve.MEAN_OF_EQUALS.of(rewards, values));
    }
  }
}
