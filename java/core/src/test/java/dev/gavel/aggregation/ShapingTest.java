package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.NOTHING;
import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.aggregation.ConfidenceCalibration.Adjustment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ShapingTest {
  @Test
  void clipAndDeltaByHand() {
    assertClose(new double[] {0, -0.25, 0}, StepShaping.clip(0.5, 0.5, 0.25, 0.75));
    assertClose(new double[] {0.25, -0.5, 0.75, 0}, StepShaping.delta(0.5, 0.25, 0.75, 1));
    assertArrayEquals(new double[0], StepShaping.delta());
    assertArrayEquals(new double[1], StepShaping.delta(3));
    assertArrayEquals(new double[] {3, 0}, StepShaping.delta(3, 4));
    refused("NaN", () -> StepShaping.clip(0, Double.NaN));
  }

  @Test
  void clipIsNeverAboveZeroAndDeltaTelescopes() {
    SplittableRandom random = new SplittableRandom(11);
    for (int trial = 0; trial < 300; trial++) {
      double[] rewards = random.doubles(random.nextInt(2, 10)).toArray();
      assertEquals(rewards[0], Numbers.sum(StepShaping.delta(rewards)), 1e-14);
      for (double clipped : StepShaping.clip(random.nextDouble(), rewards)) {
        assertTrue(clipped <= 0);
      }
    }
  }

  @Test
  void overlongByHand() {
    assertEquals(0, LengthPenalty.overlong(0, 100, 20, 0.5));
    assertEquals(0, LengthPenalty.overlong(80, 100, 20, 0.5));
    assertEquals(-0.25, LengthPenalty.overlong(90, 100, 20, 0.5));
    assertEquals(-0.5, LengthPenalty.overlong(100, 100, 20, 0.5));
    assertEquals(-1, LengthPenalty.overlong(120, 100, 20, 0.5));
    refused("buffer 0", () -> LengthPenalty.overlong(1, 100, 0, 1));
    refused("factor", () -> LengthPenalty.overlong(1, 100, 10, Double.NaN));
  }

  @Test
  void repetitionByHand() {
    List<Integer> words = List.of(1, 2, 1, 2, 1);
    // Pairs 12 21 12 21: two of four are new.
    assertEquals(-0.5, LengthPenalty.repetition(words, 2, -1));
    assertEquals(-0.6, LengthPenalty.repetition(words, 1, -1), 1e-16);
    assertEquals(0, LengthPenalty.repetition(words, 5, -1));
    assertEquals(0, LengthPenalty.repetition(words, 6, -1));
    assertEquals(0, LengthPenalty.repetition(List.of(), 1, -1));
    refused("0 or less", () -> LengthPenalty.repetition(words, 2, 1));
  }

  @Test
  void estimatesOfTheDivergenceByHand() {
    double d = Math.log(2);
    assertEquals(d, KlPenalty.K1.of(d, 0));
    assertEquals(-d, KlPenalty.K1.of(0, d));
    assertEquals(d, KlPenalty.ABSOLUTE.of(0, d));
    assertEquals(d * d / 2, KlPenalty.K2.of(0, d));
    assertEquals(0.5 - 1 + d, KlPenalty.K3.of(d, 0), 1e-16);
    assertEquals(2 - 1 - d, KlPenalty.K3.of(0, d), 1e-15);
    assertEquals(KlPenalty.K3.of(0, 2), KlPenalty.K3_CLAMPED.of(0, 2));
    assertEquals(10, KlPenalty.K3_CLAMPED.of(-1000, 0));
    assertEquals(Double.POSITIVE_INFINITY, KlPenalty.K3.of(-1000, 0));
    assertEquals(0.5e-20, KlPenalty.K3.of(1e-10, 0), 1e-26);
  }

  /** K1 and K3 have the divergence as their mean, where the policy is sampled exactly. */
  @Test
  void meanEstimatesAreTheDivergence() {
    double[] policy = {0.5, 0.3, 0.2};
    double[] reference = {0.2, 0.2, 0.6};
    double divergence = 0;
    double k1 = 0;
    double k3 = 0;
    for (int i = 0; i < policy.length; i++) {
      double log = Math.log(policy[i]);
      double referenceLog = Math.log(reference[i]);
      divergence += policy[i] * Math.log(policy[i] / reference[i]);
      k1 += policy[i] * KlPenalty.K1.of(log, referenceLog);
      k3 += policy[i] * KlPenalty.K3.of(log, referenceLog);
      assertTrue(KlPenalty.K3.of(log, referenceLog) >= 0);
    }
    assertEquals(divergence, k1, 1e-15);
    assertEquals(divergence, k3, 1e-15);
  }

  @Test
  void tokensPayAndTheLastIsPaid() {
    double[] rewards =
        KlPenalty.K1.tokenRewards(0.1, 7, new double[] {-1, -2}, new double[] {-1.5, -1});
    assertClose(new double[] {-0.05, 7.1}, rewards);
    refused("1 log-prob", () -> KlPenalty.K1.tokenRewards(1, 1, new double[1], new double[2]));
    refused("no token", () -> KlPenalty.K1.tokenRewards(1, 1, new double[0], new double[0]));
  }

  @Test
  void rangesAndHalves() {
    RewardRange range = new RewardRange(-10, 10);
    assertArrayEquals(new double[] {-10, 3, 10}, range.clamp(NOTHING, 3, 11));
    assertArrayEquals(new double[] {0, 1, 1}, new RewardRange(0, 1).binarise(0.5, 0.49, 0.5, 2));
    refused("NaN", () -> range.clamp(Double.NaN));
    refused("range", () -> new RewardRange(1, 0));
  }

  @Test
  void confidenceByHand() {
    ConfidenceCalibration threshold = new ConfidenceCalibration(Adjustment.THRESHOLD, 0.5, 0.1, 0);
    // Running mean 0.1 · 1: 4 and 1 are above it, -2 below.
    var batch = threshold.of(new double[] {4, -2, 1}, new double[] {1, 1, 0});
    assertEquals(List.of(5.0, -2.5, 0.75), batch.rewards());
    assertEquals(0.1, batch.next().runningMean(), 1e-16);
    var next = batch.next().of(new double[] {0.19}, new double[] {0.5});
    assertEquals(0.109, next.next().runningMean(), 1e-16);
    assertEquals(List.of(0.19), next.rewards());
    var difference =
        new ConfidenceCalibration(Adjustment.DIFFERENCE, 0.5, 0, 1)
            .of(new double[] {3, -1}, new double[] {1, 0});
    assertEquals(List.of(3.5, -0.5), difference.rewards());
    refused("confidences", () -> threshold.of(new double[] {1}, new double[] {10}));
    refused("1 rewards and 2", () -> threshold.of(new double[] {1}, new double[] {1, 1}));
    refused("no reward", () -> threshold.of(new double[0], new double[0]));
  }

  @Test
  void weightsOfPairsByHand() {
    assertEquals(0.1, PairWeights.dynamicBeta(0.1, 0.5, 2, 0));
    assertEquals(0.15, PairWeights.dynamicBeta(0.1, 0.5, 2, 1e9), 1e-16);
    assertEquals(0.125, PairWeights.dynamicBeta(0.1, 0.5, Math.log(2), 1), 1e-16);
    assertEquals(0.5, PairWeights.certainty(Math.log(2)), 1e-16);
    assertEquals(4, PairWeights.advantageWeighted(Math.log(2), 0.5, 20), 1e-15);
    assertEquals(20, PairWeights.advantageWeighted(1e9, 0.5, 20));
    assertArrayEquals(new boolean[] {false, true, true}, PairWeights.smallLoss(0.5, 3, 1, 2));
    assertArrayEquals(new boolean[] {true, false}, PairWeights.smallLoss(0.5, 1, 1));
    assertArrayEquals(new boolean[2], PairWeights.smallLoss(0, 1, 1));
    refused("margin", () -> PairWeights.dynamicBeta(1, 1, 1, -1));
    refused("share", () -> PairWeights.smallLoss(2, 1));
  }

  @Test
  void onTheEdgesOfConfidence() {
    ConfidenceCalibration plain = new ConfidenceCalibration(Adjustment.THRESHOLD, 0.5, 1, 9);
    // All of the mean is this batch's, 2, and a reward at the mean is above it.
    assertEquals(List.of(2.5), plain.of(new double[] {2}, new double[] {1}).rewards());
    for (double wrong : new double[] {-0.1, 1.1, Double.NaN}) {
      refused("rate", () -> new ConfidenceCalibration(Adjustment.THRESHOLD, 0.5, wrong, 0));
      refused("confidences", () -> plain.of(new double[] {1, 1}, new double[] {0.5, wrong}));
    }
  }

  @Test
  void onTheEdgesOfLength() {
    assertEquals(-2, LengthPenalty.overlong(1, 1, 1, 2));
    assertEquals(0, LengthPenalty.repetition(List.of(1, 1), 1, 0));
    assertEquals(-1, LengthPenalty.repetition(List.of(1, 1), 1, -2));
    refused("0-grams", () -> LengthPenalty.repetition(List.of(1), 0, -1));
    assertArrayEquals(new double[] {3}, new RewardRange(3, 3).clamp(7));
    assertArrayEquals(new boolean[] {true, true}, PairWeights.smallLoss(1, 2, 1));
  }
}
