package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.aggregation.Advantage.EpsilonPlace;
import dev.gavel.aggregation.Advantage.GroupOfOne;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** What is finite comes out finite, what is tied stays tied, and no order of numbers shows. */
class ExtremeNumbersTest {
  private static final double HUGE = 1e308;
  private static final double TINY = 1e-200;

  private static double[] any(Random random, int count) {
    int span = random.nextInt(1, 2000);
    double[] values = new double[count];
    Arrays.setAll(
        values,
        _ -> Math.scalb(random.nextDouble() - 0.5, Math.min(random.nextInt(-span, span), 1020)));
    return values;
  }

  private static double[] shuffled(Random random, double... values) {
    List<Double> list = new ArrayList<>(Arrays.stream(values).boxed().toList());
    Collections.shuffle(list, random);
    return list.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @Test
  void sumsAndMeansAreRoundedOnce() {
    Random random = new Random(1);
    for (int trial = 0; trial < 2000; trial++) {
      double[] values = any(random, random.nextInt(1, 30));
      BigDecimal sum =
          Arrays.stream(values).mapToObj(BigDecimal::new).reduce(BigDecimal.ZERO, BigDecimal::add);
      assertEquals(sum.doubleValue(), Numbers.sum(values), 0);
      double mean =
          sum.divide(BigDecimal.valueOf(values.length), MathContext.DECIMAL128).doubleValue();
      assertEquals(mean, Numbers.mean(values), 0);
      assertEquals(mean, Ensemble.mean().of(shuffled(random, values)), 0);
      double deviation = Divisor.N.standardDeviation(values);
      assertTrue(Double.isFinite(deviation));
      double range =
          Arrays.stream(values).max().getAsDouble() - Arrays.stream(values).min().getAsDouble();
      // Not where the deviation itself is too small for a double.
      assertTrue(deviation > 0 || range < 1e-320, () -> Arrays.toString(values));
    }
    assertEquals(0, Ensemble.mean().of(HUGE, -HUGE, HUGE, -HUGE), 0);
    assertEquals(HUGE, Divisor.N.standardDeviation(HUGE, -HUGE), 1e293);
    assertEquals(TINY, Divisor.N.standardDeviation(TINY, -TINY), 1e-215);
  }

  @Test
  void aTieOfVotesIsNotLostToTheirOrder() {
    List<String> answers = List.of("a", "b", "a", "b", "a", "b");
    for (Vote vote : List.of(Vote.sum(), Vote.sigmoidSum(), Vote.expSum(1))) {
      Vote.Outcome<String> outcome = vote.of(answers, 0.1, 0.3, 0.2, 0.2, 0.3, 0.1);
      assertEquals(List.of("a", "b"), outcome.leaders(), vote::toString);
    }
    assertEquals(
        HUGE, Vote.sum().of(List.of(1, 1, 1), HUGE, HUGE, -HUGE).totals().get(1).doubleValue());
    assertEquals(
        2 * Numbers.sigmoid(-Math.log(2)),
        Vote.sum().of(List.of(1, 2), HUGE, HUGE).confidence(),
        1e-15);
    assertEquals(
        Vote.sumOfTrusted(3, new double[] {0.1, 0.2, 0.3}, new double[] {1, 2, 3}),
        Vote.sumOfTrusted(3, new double[] {0.1, 0.2, 0.3}, new double[] {3, 2, 1}));
  }

  @Test
  void stepsOfHugeLogitsHaveTheMeanTheyHave() {
    assertEquals(0.5, StepReduction.MEAN_LOGIT.ofLogits(HUGE, HUGE, -HUGE, -HUGE).orElseThrow(), 0);
    assertEquals(-HUGE, StepReduction.MEAN_LOGIT.logOfLogits(-HUGE, -HUGE).orElseThrow(), 0);
    assertEquals(0, StepReduction.MEAN_LOGIT.ofLogits(HUGE, HUGE, -1 / 0.0).orElseThrow(), 0);
    assertEquals(-HUGE, StepReduction.GEOMETRIC_MEAN.logOfLogits(-HUGE, -HUGE).orElseThrow(), 0);
  }

  @Test
  void advantagesAreFiniteWhereTheyAre() {
    for (EpsilonPlace place : EpsilonPlace.values()) {
      Advantage grpo = Advantage.grpo(Divisor.N, 0, place, GroupOfOne.REFUSE);
      for (double unit : new double[] {HUGE, 1, TINY}) {
        assertArrayEquals(new double[] {1, -1}, grpo.of(unit, -unit), 1e-15);
        assertArrayEquals(
            new double[] {Math.sqrt(2), -Math.sqrt(0.5), -Math.sqrt(0.5)},
            grpo.of(1.7 * unit, -1.7 * unit, -1.7 * unit),
            1e-15);
      }
    }
    assertArrayEquals(
        new double[] {HUGE, -HUGE / 2, -HUGE / 2},
        Advantage.rloo(GroupOfOne.REFUSE).of(HUGE, 0, 0),
        1e293);
    Advantage.Scale scale = Advantage.Scale.deviation(Divisor.N, 0, EpsilonPlace.BESIDE_DEVIATION);
    assertArrayEquals(new double[] {2, 0}, Advantage.passK(scale).of(HUGE, -HUGE), 1e-15);
    assertArrayEquals(
        new double[] {HUGE, -HUGE},
        Advantage.opo(GroupOfOne.REFUSE, HUGE, HUGE).of(HUGE, -HUGE),
        1e293);
    assertArrayEquals(
        new double[] {Math.sqrt(0.5), -Math.sqrt(0.5)},
        PairMatrix.ofScores(TINY, 0).advantages(0, GroupOfOne.REFUSE),
        1e-15);
    assertArrayEquals(new double[] {2, 0}, new Standardiser(-HUGE, HUGE).of(HUGE, -HUGE), 1e-15);
    for (double limit = 1; limit < 3000; limit += 0.37) {
      double ratio = BatchAdvantage.clampedRatio(limit, 1e9, 0);
      assertTrue(ratio <= limit && ratio > limit * (1 - 1e-12));
      assertTrue(BatchAdvantage.clampedRatio(limit, -1e9, 0) >= 1 / limit);
    }
  }

  @Test
  void whatIsComposedIsFiniteWhereItIs() {
    assertEquals(HUGE, Ensemble.weightedSum(1, 1, -1).of(HUGE, HUGE, HUGE), 0);
    assertEquals(HUGE, Composition.additive(1, 1, -1).of(HUGE, HUGE, HUGE), 0);
    assertEquals(1, Composition.outcomeDependent(1, 0).of(1, HUGE, HUGE), 0);
    assertEquals(0, Composition.outcomeDependent(1, 1).of(0, HUGE, HUGE), 0);
    double[][] shown = {{Double.NaN, HUGE}, {-HUGE, Double.NaN}};
    assertEquals(HUGE, PairMatrix.ofBothOrders(shown).preference(0, 1), 0);
    assertArrayEquals(
        new double[] {1.5e308 / 2, -1.5e308 / 2},
        PairMatrix.of(new double[][] {{0, 1.5e308}, {-1.5e308, 0}}).rowMeans(),
        1e293);
    refused("gap", () -> PairMatrix.ofScores(HUGE, -HUGE));
    for (ConfidenceCalibration.Adjustment adjustment : ConfidenceCalibration.Adjustment.values()) {
      ConfidenceCalibration calibration = new ConfidenceCalibration(adjustment, 100, 0.1, -HUGE);
      assertEquals(
          List.of(HUGE),
          calibration.of(new double[] {HUGE}, new double[] {0.5}).rewards(),
          adjustment::toString);
    }
    assertArrayEquals(new double[] {0, 0}, new RewardRange(0.0, -0.0).clamp(3, -3));
    assertArrayEquals(
        new double[] {Math.exp(2), 1},
        Arrays.stream(SamplingWeights.softmax(HUGE).of(HUGE, -HUGE))
            .map(share -> share * (1 + Math.exp(2)))
            .toArray(),
        1e-14);
  }

  @Test
  void aSmallDivergenceKeepsItsDigits() {
    Random random = new Random(2);
    for (int trial = 0; trial < 2000; trial++) {
      double d = Math.scalb(random.nextDouble() - 0.5, -random.nextInt(60));
      double third = 1 - d / 3 * (1 - d / 4 * (1 - d / 5));
      double estimate = KlPenalty.K3.of(d, 0);
      assertTrue(estimate >= 0, () -> d + ": " + estimate);
      assertEquals(d * d / 2 * third, estimate, d * d * (1e-13 + Math.abs(d * d * d * d) / 100));
    }
    assertArrayEquals(
        new double[] {0, 7},
        KlPenalty.K3.tokenRewards(0, 7, new double[] {-2000, -1}, new double[] {-1, -1}));
    assertEquals(Double.POSITIVE_INFINITY, KlPenalty.K3.of(-HUGE, HUGE));
    assertEquals(Math.exp(-40), StepObjective.BCE.loss(40, 1), 1e-30);
    assertEquals(-Math.exp(-40), StepObjective.BCE.gradient(40, 1), 1e-30);
  }

  @Test
  void aShareOfPairsIsTheShareAsItIsWritten() {
    for (int percent = 0; percent <= 100; percent++) {
      boolean[] keep = PairWeights.smallLoss(percent / 100.0, new double[100]);
      int kept = 0;
      for (boolean one : keep) {
        kept += one ? 1 : 0;
      }
      assertEquals(percent, kept);
    }
  }

  @Test
  void aMillionWeightsOfZeroAtTheEndCostNothing() {
    double[] weights = new double[300_000];
    weights[0] = 1;
    int[] drawn =
        Assertions.assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () -> Resampling.MULTINOMIAL.draw(300_000, weights, new Random(3)));
    assertEquals(0, Arrays.stream(drawn).max().orElseThrow());
    double[] totals = new Random(4).doubles(300_000).toArray();
    Placement placement =
        Assertions.assertTimeoutPreemptively(
            Duration.ofSeconds(20), () -> Placement.ofTotals(totals, 0));
    assertEquals(Selection.ranking(totals), Selection.ranking(placement.toArray()));
  }

  @Test
  void whatIsNotThereIsNamed() {
    refused("group 1 of 1", () -> Groups.ofSizes(2).slice(1, 1, 2));
    refused("row 0", () -> StepSelection.BY_ROW.rightOf(new double[][] {{1}}, 0));
    refused("NaN", () -> StepSelection.BY_ROW.rightOf(new double[][] {{0, Double.NaN}}, 0));
    refused(
        "number 1 of 2",
        () ->
            new ConfidenceCalibration(ConfidenceCalibration.Adjustment.THRESHOLD, 1, 0, 0)
                .of(new double[2], new double[] {1, 2}));
  }
}
