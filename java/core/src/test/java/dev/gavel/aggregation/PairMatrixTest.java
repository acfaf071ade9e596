package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.aggregation.Advantage.GroupOfOne;
import org.junit.jupiter.api.Test;

class PairMatrixTest {
  private static final double[][] CYCLE = {{0, 1, -1}, {-1, 0, 2}, {1, -2, 0}};

  @Test
  void rowsByHand() {
    PairMatrix matrix = PairMatrix.of(CYCLE);
    assertClose(new double[] {0, 1 / 3.0, -1 / 3.0}, matrix.rowMeans());
    assertClose(new double[] {0.5, 0.5, 0.5}, matrix.winRates());
    // Squares 12, over 2 · 3 · 2 is 1, and 3 inside the root.
    assertClose(new double[] {0, 1 / 6.0, -1 / 6.0}, matrix.advantages(3, GroupOfOne.REFUSE));
    assertClose(new double[] {1, 0.25, 0.25}, PairMatrix.ofScores(2, 1, 1).winRates());
  }

  @Test
  void bothOrdersTakeOutALikingForTheFirst() {
    double[][] shown = {{9, 0.9, 0.7}, {0.5, 9, 0.6}, {0.7, 0.6, 9}};
    PairMatrix matrix = PairMatrix.ofBothOrders(shown);
    assertEquals(0.2, matrix.preference(0, 1), 1e-16);
    assertEquals(-0.2, matrix.preference(1, 0), 1e-16);
    assertEquals(0, matrix.preference(0, 2));
    assertEquals(0, matrix.preference(1, 1));
  }

  @Test
  void nothingToCompare() {
    PairMatrix one = PairMatrix.ofScores(5);
    assertArrayEquals(new double[1], one.advantages(1e-6, GroupOfOne.ZERO));
    refused("no pair", () -> one.advantages(1e-6, GroupOfOne.REFUSE));
    refused("no pair", () -> one.advantages(1e-6, GroupOfOne.REWARD));
    refused("no pair", one::winRates);
    assertArrayEquals(
        new double[3], PairMatrix.ofScores(0.1, 0.1, 0.1).advantages(0, GroupOfOne.REFUSE));
  }

  @Test
  void whatIsNotAntisymmetricIsRefused() {
    refused("other's negative", () -> PairMatrix.of(new double[][] {{0, 1}, {1, 0}}));
    refused("other's negative", () -> PairMatrix.of(new double[][] {{1}}));
    refused("columns", () -> PairMatrix.of(new double[][] {{0, 1}}));
    refused("NaN", () -> PairMatrix.of(new double[][] {{0, Double.NaN}, {0, 0}}));
    refused("NaN", () -> PairMatrix.ofScores(1, Double.NaN));
  }
}
