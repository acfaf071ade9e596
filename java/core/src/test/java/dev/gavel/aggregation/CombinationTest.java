package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.NOTHING;
import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Ensembles, standardising, compositions and schedules. */
class CombinationTest {
  @Test
  void ensemblesByHand() {
    assertEquals(4, Ensemble.mean().of(2, 4, 6));
    assertEquals(2, Ensemble.min().of(2, 4, 6));
    assertEquals(4 - Math.sqrt(8 / 3.0), Ensemble.meanMinusStd(1, Divisor.N).of(2, 4, 6), 1e-15);
    assertEquals(4 - 2 * 2, Ensemble.meanMinusStd(2, Divisor.N_MINUS_ONE).of(2, 4, 6), 1e-15);
    assertEquals(-5, Ensemble.weightedSum(1, 0.5, -1.5).of(2, 4, 6));
    assertClose(new double[] {2, 4}, Ensemble.mean().ofGroup(new double[][] {{1, 5}, {3, 3}}));
  }

  @Test
  void oneModelIsItself() {
    for (Ensemble ensemble :
        List.of(Ensemble.mean(), Ensemble.min(), Ensemble.meanMinusStd(3, Divisor.N))) {
      assertEquals(0.1, ensemble.of(0.1));
      assertEquals(0.1, ensemble.of(0.1, 0.1, 0.1));
      refused("no score", ensemble::of);
      refused("finite", () -> ensemble.of(1, NOTHING));
      refused("finite", () -> ensemble.of(Double.NaN));
    }
    refused("divides by 0", () -> Ensemble.meanMinusStd(1, Divisor.N_MINUS_ONE).of(1));
    refused("2 weights and 1", () -> Ensemble.weightedSum(1, 1).of(3));
    refused("another", () -> Ensemble.min().ofGroup(new double[][] {{1, 5}, {3}}));
  }

  @Test
  void standardisedScoresHaveMeanZeroAndDeviationOne() {
    SplittableRandom random = new SplittableRandom(3);
    for (Divisor divisor : Divisor.values()) {
      double[] scores = Sample.distinct(random, 9);
      double[] standardised = Standardiser.fit(divisor, scores).of(scores);
      assertEquals(0, Numbers.mean(standardised), 1e-15);
      assertEquals(1, divisor.standardDeviation(standardised), 1e-14);
    }
    assertClose(new double[] {-1, 3, NOTHING}, new Standardiser(2, 0.5).of(1.5, 3.5, NOTHING));
    refused("do not differ", () -> Standardiser.fit(Divisor.N, 0.1, 0.1, 0.1));
    refused("do not differ", () -> new Standardiser(0, 0));
  }

  @Test
  void compositionsByHand() {
    assertEquals(2.5, Composition.additive(1, 0.5, -1).of(2, 3, 1));
    // FIRM: E (0.6 + 0.4 C) and F (0.4 + 0.6 Q).
    assertEquals(0.5 * 0.8, Composition.multiplicative(0.6).of(0.5, 0.5), 1e-16);
    assertEquals(0.9 * 0.52, Composition.multiplicative(0.4).of(0.9, 0.2), 1e-16);
    assertEquals(0, Composition.multiplicative(0.6).of(0, 1));
    assertEquals(
        1 + 0.5 * 0.8 * 0.7, Composition.outcomeDependent(0.5, 0.8).of(1, 0.4, 0.3), 1e-16);
    assertEquals(0, Composition.outcomeDependent(0.5, 1).of(0, 1, 1));
    Composition gated = Composition.gated(List.of(0.5, 0.1), List.of(2.0, 1.0));
    assertEquals(7, gated.of(0.5, 0.1, 3, 1));
    assertEquals(0, gated.of(0.5, 0.09, 3, 1));
    refused("3 rewards and 4", () -> gated.of(1, 1, 1));
    refused("finite", () -> Composition.additive(1).of(Double.NaN));
    refused("between 0 and 1", () -> Composition.multiplicative(1.5));
  }

  @Test
  void schedulesFallFromOneToZero() {
    for (Schedule schedule : List.of(Schedule.LINEAR, Schedule.COSINE)) {
      assertEquals(1, schedule.at(0, 10));
      assertEquals(0.5, schedule.at(5, 10), 1e-16);
      assertEquals(0, schedule.at(10, 10));
      refused("step 11", () -> schedule.at(11, 10));
    }
    assertEquals(0.25, Schedule.COSINE.at(2, 3), 1e-15);
    assertEquals(1, Schedule.CONSTANT.at(10, 10));
  }

  @Test
  void onTheEdges() {
    assertEquals(3 * 0.5, Composition.multiplicative(0).of(3, 0.5));
    assertEquals(3, Composition.multiplicative(1).of(3, 0.5));
    refused("between 0 and 1", () -> Composition.outcomeDependent(1, -0.1));
    assertEquals(1, Schedule.COSINE.at(0, 1));
    refused("step 0 of 0", () -> Schedule.LINEAR.at(0, 0));
    refused("step -1", () -> Schedule.LINEAR.at(-1, 5));
  }
}
