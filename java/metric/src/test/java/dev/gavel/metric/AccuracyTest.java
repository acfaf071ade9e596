package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Pairs, one against many, agreement of labels, performance gaps. */
class AccuracyTest {
  private static final double NOTHING = Double.NEGATIVE_INFINITY;

  @Test
  void pairsByHand() {
    PairAccuracy accuracy =
        PairAccuracy.of(new double[] {2, 1, 5, 0.0, 3}, new double[] {1, 2, 5, -0.0, NOTHING});
    assertEquals(new PairAccuracy(2, 2, 5), accuracy);
    assertEquals(0.4, accuracy.value(TieCredit.WRONG));
    assertEquals(0.6, accuracy.value(TieCredit.HALF));
    assertEquals(0.8, accuracy.value(TieCredit.RIGHT));
    assertEquals(new Proportion(2, 5), accuracy.strict());
    assertEquals(new PairAccuracy(3, 3, 7), accuracy.plus(new PairAccuracy(1, 1, 2)));
    refused("NaN", () -> PairAccuracy.of(new double[] {Double.NaN}, new double[1]));
    refused("1 chosen and 2", () -> PairAccuracy.of(new double[1], new double[2]));
    refused("no pair", () -> new PairAccuracy(0, 0, 0).value(TieCredit.HALF));
    refused("cannot be", () -> new PairAccuracy(1, 1, 1));
    refused("cannot be", () -> new PairAccuracy(-1, 1, 1));
    refused("cannot be", () -> new PairAccuracy(1, -1, 1));
  }

  @Test
  void allPairsOfAnItemMustBeRight() {
    List<PairAccuracy> items =
        List.of(new PairAccuracy(3, 0, 3), new PairAccuracy(2, 1, 3), new PairAccuracy(1, 0, 1));
    assertEquals(new Proportion(2, 3), PairAccuracy.allPairs(items));
    refused("no pair", () -> PairAccuracy.allPairs(List.of(new PairAccuracy(0, 0, 0))));
  }

  @Test
  void oneAgainstMany() {
    double[] wrong = {1, 4, 4, 2};
    assertEquals(1, OneVersusMany.accuracy(TieCredit.WRONG, new double[] {5}, wrong));
    assertEquals(0, OneVersusMany.accuracy(TieCredit.WRONG, new double[] {4}, wrong));
    assertEquals(1, OneVersusMany.accuracy(TieCredit.RIGHT, new double[] {4}, wrong));
    assertEquals(0, OneVersusMany.accuracy(TieCredit.RIGHT, new double[] {3.9}, wrong));
    // Of several right ones the worst counts.
    assertEquals(0, OneVersusMany.accuracy(TieCredit.HALF, new double[] {5, 3}, wrong));
    assertEquals(0.5, OneVersusMany.accuracy(TieCredit.HALF, new double[] {5, 4}, wrong));
    // For the rank the best counts, and wrong ones come first among equals.
    assertEquals(1, OneVersusMany.reciprocalRank(new double[] {5, 0}, wrong));
    assertEquals(1 / 3.0, OneVersusMany.reciprocalRank(new double[] {4, 0}, wrong));
    assertEquals(1 / 4.0, OneVersusMany.reciprocalRank(new double[] {2}, wrong));
    assertEquals(1 / 5.0, OneVersusMany.reciprocalRank(new double[] {NOTHING}, wrong));
    refused("no wrong", () -> OneVersusMany.reciprocalRank(new double[1], new double[0]));
    refused("no right", () -> OneVersusMany.reciprocalRank(new double[0], wrong));
    refused("NaN", () -> OneVersusMany.reciprocalRank(new double[] {Double.NaN}, wrong));
  }

  @Test
  void agreementOfLabels() {
    // 3 of 4 the same; expected 1/2 · 1/4 + 1/2 · 3/4 = 1/2.
    LabelAgreement agreement =
        LabelAgreement.of(List.of("A", "B", "A", "B"), List.of("A", "B", "B", "B"));
    assertEquals(new Proportion(3, 4), agreement.same());
    assertEquals(0.5, agreement.expected());
    assertEquals(0.5, agreement.kappa().orElseThrow());
    assertEquals(-1, LabelAgreement.of(List.of(1, 2), List.of(2, 1)).kappa().orElseThrow());
    assertEquals(true, LabelAgreement.of(List.of(1, 1), List.of(1, 1)).kappa().isEmpty());
    refused("no label", () -> LabelAgreement.of(List.of(), List.of()));
  }

  @Test
  void theGapRecovered() {
    assertEquals(0.5, new PerformanceGap(0.5, 0.75, 1).recovered().orElseThrow());
    assertEquals(-1, new PerformanceGap(0.5, 0.25, 0.75).recovered().orElseThrow());
    assertEquals(true, new PerformanceGap(0.5, 0.6, 0.5).recovered().isEmpty());
    refused("finite", () -> new PerformanceGap(0, Double.NaN, 1));
  }
}
