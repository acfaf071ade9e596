package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StepReductionTest {
  private static final double[] STEPS = {0.5, 0.8, 0.2};

  @Test
  void everyReductionByHand() {
    Map<StepReduction, Double> expected =
        Map.of(
            StepReduction.MIN, 0.2,
            StepReduction.MAX, 0.8,
            StepReduction.PRODUCT, 0.08,
            StepReduction.LAST, 0.2,
            StepReduction.MEAN, 0.5,
            StepReduction.SUM, 1.5,
            StepReduction.GEOMETRIC_MEAN, Math.cbrt(0.08),
            // Logits 0, ln 4 and -ln 4; odds 1, 4 and 1/4.
            StepReduction.MEAN_LOGIT, 0.5,
            StepReduction.MEAN_ODDS, 1.75);
    assertEquals(StepReduction.values().length, expected.size());
    expected.forEach((reduction, value) -> {
      assertEquals(value, reduction.ofProbabilities(STEPS).orElseThrow(), 1e-15);
      double[] logits = Arrays.stream(STEPS).map(p -> Math.log(p / (1 - p))).toArray();
      assertEquals(value, reduction.ofLogits(logits).orElseThrow(), 1e-14);
    });
  }

  @Test
  void logitsAndProbabilitiesAgree() {
    SplittableRandom random = new SplittableRandom(1);
    for (int trial = 0; trial < 300; trial++) {
      double[] logits = random.doubles(random.nextInt(1, 9), -8, 8).toArray();
      double[] probabilities = Arrays.stream(logits).map(z -> 1 / (1 + Math.exp(-z))).toArray();
      for (StepReduction reduction : StepReduction.values()) {
        double expected = reduction.ofProbabilities(probabilities).orElseThrow();
        assertEquals(
            1, reduction.ofLogits(logits).orElseThrow() / expected, 1e-11, reduction::toString);
        assertEquals(Math.log(expected), reduction.logOfLogits(logits).orElseThrow(), 1e-11);
      }
    }
  }

  @Test
  void aLongProductStillRanks() {
    double[] steps = new double[5000];
    Arrays.fill(steps, 0.3);
    double[] better = steps.clone();
    better[7] = 0.31;
    assertEquals(0, StepReduction.PRODUCT.ofLogits(logitsOf(-1000, 2)).orElseThrow());
    assertEquals(-2000, StepReduction.PRODUCT.logOfLogits(logitsOf(-1000, 2)).orElseThrow());
    assertTrue(
        StepReduction.PRODUCT.logOfLogits(better).orElseThrow()
            > StepReduction.PRODUCT.logOfLogits(steps).orElseThrow());
    // exp(-40) is lost in 1 - p, not in the logit.
    assertEquals(-Math.exp(-40), StepReduction.MIN.logOfLogits(40).orElseThrow(), 1e-30);
  }

  @Test
  void logitsOfBothInfinitiesHaveNoMean() {
    double infinite = Double.POSITIVE_INFINITY;
    refused("not defined", () -> StepReduction.MEAN_LOGIT.ofLogits(1, infinite, -infinite));
    for (StepReduction reduction : StepReduction.values()) {
      boolean meanLogit = reduction == StepReduction.MEAN_LOGIT;
      assertEquals(!meanLogit, reduction.isDefined(infinite, 1, -infinite));
      assertTrue(reduction.isDefined(infinite, 1, infinite));
      assertTrue(reduction.isDefined(-infinite, -infinite));
      assertFalse(reduction.isDefined(0, Double.NaN));
      assertEquals(meanLogit || reduction == StepReduction.MEAN_ODDS, reduction.needsLogits());
      // What is said to be defined is.
      double[] both = meanLogit ? new double[] {infinite, 1} : new double[] {infinite, -infinite};
      assertFalse(Double.isNaN(reduction.ofLogits(both).orElseThrow()), reduction::toString);
      assertEquals(
          reduction == StepReduction.MEAN_ODDS ? infinite : reduction == StepReduction.SUM ? 2 : 1,
          reduction.ofLogits(infinite, infinite).orElseThrow(),
          reduction::toString);
      assertEquals(0, reduction.ofLogits(-infinite, -infinite).orElseThrow(), reduction::toString);
    }
  }

  private static double[] logitsOf(double logit, int count) {
    double[] logits = new double[count];
    Arrays.fill(logits, logit);
    return logits;
  }

  @Test
  void noStepIsNoScore() {
    for (StepReduction reduction : StepReduction.values()) {
      assertTrue(reduction.ofProbabilities().isEmpty());
      assertTrue(reduction.ofLogits().isEmpty());
      assertEquals(
          0.25,
          reduction.ofProbabilities(0.25).orElseThrow()
              * (reduction == StepReduction.MEAN_ODDS ? 0.75 : 1),
          1e-16);
    }
  }

  @Test
  void whatIsNoProbabilityIsRefused() {
    for (double wrong : new double[] {-0.1, 1.1, Double.NaN}) {
      refused("step 1 of 2", () -> StepReduction.MIN.ofProbabilities(0.5, wrong));
    }
    refused("NaN", () -> StepReduction.MIN.ofLogits(Double.NaN));
    refused("not defined", () -> StepReduction.MEAN_LOGIT.ofProbabilities(0, 1));
    assertEquals(0, StepReduction.GEOMETRIC_MEAN.ofProbabilities(0, 1).orElseThrow());
    assertEquals(
        Double.POSITIVE_INFINITY, StepReduction.MEAN_ODDS.ofProbabilities(0.5, 1).orElseThrow());
  }

  /** f16 softmax of a gap of 18 gives exactly 0 and 1: by value that step loses its other class. */
  @Test
  void stepsByValueShiftWhereAClassIsZero() {
    double[][] tokens = {{0.3, 0.7}, {0.9, 0.1}, {0.5, 0.5}, {0.4, 0.6}, {0.2, 0.8}};
    assertArrayEquals(new double[] {0.1, 0.6}, StepSelection.BY_ROW.rightOf(tokens, 1, 3));
    assertArrayEquals(new double[] {0.1, 0.6}, StepSelection.BY_NONZERO.rightOf(tokens, 1, 3));
    double[][] underflow = {{0, 1}, {0.9, 0.1}, {1, 0}};
    assertArrayEquals(new double[] {1, 0.1, 0}, StepSelection.BY_ROW.rightOf(underflow, 0, 1, 2));
    assertArrayEquals(new double[] {0.9, 1}, StepSelection.BY_NONZERO.rightOf(underflow, 0, 1, 2));
    refused("paired", () -> StepSelection.BY_NONZERO.rightOf(underflow, 0, 1));
    refused("row 3", () -> StepSelection.BY_ROW.rightOf(underflow, 3));
  }

  @Test
  void sumsOfVeryUnequalStepsAreFinite() {
    assertEquals(Math.log(0.5), StepReduction.SUM.logOfLogits(0, -2000).orElseThrow(), 1e-15);
    assertEquals(Math.log(0.25), StepReduction.MEAN.logOfLogits(-2000, 0).orElseThrow(), 1e-15);
    assertEquals(
        2000 - Math.log(2), StepReduction.MEAN_ODDS.logOfLogits(2000, -2000).orElseThrow(), 1e-12);
  }
}
