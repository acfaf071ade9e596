package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ProbeTest {
  @Test
  void distancesByHand() {
    Probe probe = Probe.of(new double[] {0, 0}, new double[] {10, 0});
    assertEquals(5, probe.distance(3, 4));
    assertEquals(0, probe.nearest(5, 0));
    assertEquals(1, probe.nearest(6, 0));
    assertTrue(probe.knows(5, 3, 4));
    assertFalse(probe.knows(4.9, 3, 4));
    refused("2 entries of the centroids and 1", () -> probe.distance(1));
    refused("NaN", () -> probe.knows(1, Double.NaN, 0));
    refused("no vector", Probe::of);
  }

  @Test
  void twoHeapsHaveTheirMeans() {
    double[][] vectors = {{0, 0}, {0, 2}, {9, 1}, {11, 1}, {1, 1}};
    Probe probe = Probe.kMeans(2, 100, vectors);
    assertClose(new double[] {1 / 3.0, 1}, probe.centroids().get(0));
    assertClose(new double[] {10, 1}, probe.centroids().get(1));
    assertClose(vectors[3], Probe.kMeans(2, 0, vectors).centroids().get(1));
  }

  /** Lloyd's rounds never make the sum of squared distances larger. */
  @Test
  void roundsDoNotMakeItWorse() {
    SplittableRandom random = new SplittableRandom(15);
    for (int trial = 0; trial < 50; trial++) {
      double[][] vectors = new double[30][];
      for (int i = 0; i < vectors.length; i++) {
        vectors[i] = random.doubles(3).toArray();
      }
      double before = Double.POSITIVE_INFINITY;
      for (int rounds = 0; rounds < 6; rounds++) {
        Probe probe = Probe.kMeans(4, rounds, vectors);
        double squares = 0;
        for (double[] vector : vectors) {
          squares += Math.pow(probe.distance(vector), 2);
        }
        assertTrue(squares <= before + 1e-12);
        before = squares;
      }
    }
  }

  /** Distances whose squares are no doubles, and means of numbers whose sum is none. */
  @Test
  void veryLargeAndVerySmallNumbers() {
    for (double unit : new double[] {0x1p1020, 0x1p600, 0x1p-600, 0x1p-1070}) {
      Probe probe = Probe.of(new double[] {0, 0}, new double[] {7 * unit, 0});
      assertEquals(5 * unit, probe.distance(3 * unit, 4 * unit));
      assertEquals(1, probe.nearest(4 * unit, 0));
      double[][] vectors = {{unit, 0}, {3 * unit, 0}, {-5 * unit, 0}, {-7 * unit, 0}};
      Probe heaps = Probe.kMeans(2, 9, vectors);
      assertEquals(2 * unit, heaps.centroids().get(0)[0]);
      assertEquals(-6 * unit, heaps.centroids().get(1)[0]);
    }
    double most = Double.MAX_VALUE;
    assertEquals(Double.POSITIVE_INFINITY, Probe.of(new double[] {most}).distance(-most));
    Probe means = Probe.kMeans(1, 1, new double[] {most}, new double[] {most}, new double[] {most});
    assertEquals(most, means.centroids().getFirst()[0], most * 1e-15);
  }

  /** Each start is the vector farthest from all before it, here by looking at all pairs. */
  @Test
  void startsAreFarthestFromAllBefore() {
    SplittableRandom random = new SplittableRandom(18);
    double[][] vectors = new double[40][];
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = random.doubles(2).toArray();
    }
    for (int k = 2; k <= 40; k++) {
      Probe before = Probe.kMeans(k - 1, 0, vectors);
      double farthest = Arrays.stream(vectors).mapToDouble(before::distance).max().orElseThrow();
      double[] added = Probe.kMeans(k, 0, vectors).centroids().getLast();
      assertEquals(farthest, before.distance(added));
    }
  }

  @Test
  void moreCentroidsThanVectorsAreRefused() {
    refused("distinct", () -> Probe.kMeans(2, 5, new double[] {1}, new double[] {1}));
    assertEquals(1, Probe.kMeans(1, 5, new double[] {1}, new double[] {1}).centroids().size());
    refused("0 centroids", () -> Probe.kMeans(0, 5, new double[] {1}));
    refused("another", () -> Probe.kMeans(1, 5, new double[] {1}, new double[] {1, 2}));
  }
}
