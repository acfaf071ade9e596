package dev.gavel.aggregation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where public code does something else than it says: both behaviours, each by its name. */
class CompatibilityTest {

  private static List<List<Long>> order(StrengthLabels.Pairs pairs) {
    return pairs.pairs().stream().map(pair -> List.of(pair[0], pair[1])).toList();
  }

  @Test
  void aStrengthOfZeroPrefersNobodyUnlessNemosReadingIsAskedFor() {
    StrengthLabels leaving =
        new StrengthLabels(StrengthLabels.Use.MARGIN, StrengthLabels.Zero.LEAVE_OUT);
    StrengthLabels.Pairs left = leaving.of(-2, 0, 3);
    assertEquals(List.of(List.of(0L, 1L), List.of(5L, 4L)), order(left));
    assertEquals(List.of(2.0, 3.0), left.margins());
    assertEquals(List.of(1.0, 1.0), left.weights());
    StrengthLabels.Pairs nemo =
        new StrengthLabels(StrengthLabels.Use.SCALED, StrengthLabels.Zero.SECOND_PREFERRED)
            .of(-2, 0, 3);
    assertEquals(List.of(List.of(0L, 1L), List.of(3L, 2L), List.of(5L, 4L)), order(nemo));
    assertEquals(List.of(2.0, 0.0, 3.0), nemo.weights());
    assertEquals(List.of(0.0, 0.0, 0.0), nemo.margins());
    StrengthLabels.Pairs regular =
        new StrengthLabels(StrengthLabels.Use.REGULAR, StrengthLabels.Zero.SECOND_PREFERRED).of(0);
    assertEquals(List.of(1.0), regular.weights());
    StrengthLabels refusing =
        new StrengthLabels(StrengthLabels.Use.REGULAR, StrengthLabels.Zero.REFUSE);
    InvalidArgumentException refused =
        assertThrows(InvalidArgumentException.class, () -> refusing.of(1, 0));
    assertTrue(String.valueOf(refused.getMessage()).startsWith("label 1 is 0"));
  }

  @Test
  void labelSmoothingOfTheMmRlhfTrainerIsTheOtherPart() {
    assertEquals(0.1, SmoothingConvention.WRONG_PART.wrongPart(0.1), 0);
    assertEquals(0.9, SmoothingConvention.RIGHT_PART.wrongPart(0.1), 0);
    assertThrows(
        InvalidArgumentException.class, () -> SmoothingConvention.RIGHT_PART.wrongPart(1.5));
  }

  @Test
  void betaOfTheMmRlhfTrainerIsNotThePublishedOne() {
    assertEquals(
        0.1 * (1 + 0.5 * (1 - Math.exp(-2))), PairWeights.dynamicBeta(0.1, 0.5, 1, 2), 1e-15);
    assertEquals(0.1 * (1 + 0.1 * 2), PairWeights.precomputedBeta(0.1, 0.1, 2), 1e-15);
    assertEquals(1e-3, PairWeights.precomputedBeta(0.1, 0.5, -3), 0);
  }

  @Test
  void probabilitiesUsedAsLogitsHardlyTeach() {
    double[] probabilities = {0.01, 0.5, 0.99};
    double[] right = {4.605, 0.693, 0.010};
    double[] biprm = {1.299, 0.693, 0.319};
    for (int i = 0; i < 3; i++) {
      double logit = Math.log(probabilities[i] / (1 - probabilities[i]));
      assertEquals(right[i], StepObjective.BCE.loss(logit, 1), 5e-4);
      assertEquals(biprm[i], StepObjective.PROBABILITIES_AS_LOGITS.loss(logit, 1), 5e-4);
    }
    // Its two-class softmax written out, and the slope of either by central differences.
    for (double label : new double[] {0, 0.25, 1}) {
      for (double z : new double[] {-4, -0.5, 0, 3}) {
        double p = 1 / (1 + Math.exp(-z));
        assertEquals(
            Math.log(Math.exp(p) + Math.exp(1 - p)) - label * p - (1 - label) * (1 - p),
            StepObjective.PROBABILITIES_AS_LOGITS.loss(z, label),
            1e-12);
        for (StepObjective objective : StepObjective.values()) {
          double slope = (objective.loss(z + 1e-5, label) - objective.loss(z - 1e-5, label)) / 2e-5;
          assertEquals(slope, objective.gradient(z, label), 1e-9, objective.name());
        }
      }
    }
    // Far out the right one is the gap, and the other nearly flat.
    assertEquals(1e4, StepObjective.BCE.loss(-1e4, 1), 1e-9);
    assertEquals(0, StepObjective.PROBABILITIES_AS_LOGITS.gradient(-1e4, 1), 1e-12);
  }

  @Test
  void aSentinelForStepsThatAreMissingIsOnlyHarmlessForTheLeast() {
    boolean[] present = {true, false, true};
    double[] scores = {0.5, Double.NaN, 0.25};
    assertArrayEquals(new double[] {0.5, 0.25}, MissingSteps.LEFT_OUT.of(present, scores));
    double[] sentinel = MissingSteps.THOUSAND.of(present, scores);
    assertArrayEquals(new double[] {0.5, 1000, 0.25}, sentinel);
    double least = Math.min(sentinel[0], Math.min(sentinel[1], sentinel[2]));
    assertEquals(
        StepReduction.MIN.ofProbabilities(MissingSteps.LEFT_OUT.of(present, scores)).orElseThrow(),
        least);
  }

  @Test
  void theNaiveLogarithmOverflowsWhereTheStableOneIsTheGap() {
    // As DMoERM and OpenRLHF's LogExpLoss write it, in f32: infinite from a gap of -89 on.
    float gap = -100;
    float naive = (float) Math.log(1 + (float) Math.exp(-gap));
    assertEquals(Float.POSITIVE_INFINITY, naive);
    assertEquals(100, StepObjective.BCE.loss(gap, 1), 1e-12);
  }
}
