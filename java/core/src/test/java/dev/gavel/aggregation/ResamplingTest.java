package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class ResamplingTest {
  @Test
  void weightsByHand() {
    assertArrayEquals(new double[] {4, 0, 9}, SamplingWeights.pow(2).of(2, 0, -3));
    assertArrayEquals(new double[] {1, 0, 1, 1}, SamplingWeights.maxMin().of(5, 2, 1, 5));
    assertArrayEquals(
        new double[] {0.4, 0.1, 0.4}, SamplingWeights.maxRandom(0.4, 0.1).of(5, 2, 5));
    assertClose(new double[] {0.25, 0.75}, SamplingWeights.softmax(0.5).of(0, Math.log(3) / 2));
    assertClose(new double[] {0, 1}, SamplingWeights.softmax(1).of(-1e4, 1e4));
    assertArrayEquals(new double[] {1, 1}, SamplingWeights.maxMin().of(5, 5));
    refused("no score", () -> SamplingWeights.pow(2).of());
    refused("NaN", () -> SamplingWeights.maxMin().of(Double.NaN));
    refused("temperature", () -> SamplingWeights.softmax(0));
  }

  @Test
  void systematicDrawsAreTheWholeNumbersNextToTheShare() {
    SplittableRandom random = new SplittableRandom(12);
    for (int trial = 0; trial < 500; trial++) {
      double[] weights = random.doubles(random.nextInt(1, 9)).toArray();
      weights[random.nextInt(weights.length)] += 0.5;
      int count = random.nextInt(0, 20);
      double total = Arrays.stream(weights).sum();
      int[] drawn = Resampling.SYSTEMATIC.draw(count, weights, random);
      assertEquals(count, drawn.length);
      for (int i = 0; i < weights.length; i++) {
        int self = i;
        long times = Arrays.stream(drawn).filter(d -> d == self).count();
        double share = count * weights[i] / total;
        assertTrue(times >= Math.floor(share - 1e-9) && times <= Math.ceil(share + 1e-9));
      }
    }
  }

  /**
   * Pearson's chi-squared over three others: above 16.3 once in 1000 seeds, and the seed is fixed.
   */
  @Test
  void multinomialDrawsFollowTheWeights() {
    double[] weights = {1, 2, 0, 3, 4};
    int count = 20_000;
    int[] drawn = Resampling.MULTINOMIAL.draw(count, weights, new SplittableRandom(13));
    double chiSquared = 0;
    for (int i = 0; i < weights.length; i++) {
      int self = i;
      double times = Arrays.stream(drawn).filter(d -> d == self).count();
      double expected = count * weights[i] / 10;
      chiSquared += expected == 0 ? times * 1e9 : Math.pow(times - expected, 2) / expected;
    }
    assertTrue(chiSquared < 16.3, "chi-squared " + chiSquared);
  }

  @Test
  void nothingOfWeightZeroIsDrawnAtTheEnds() {
    double[] weights = {0, 1, 0, 1, 0};
    for (long bits : new long[] {0, -1L, Long.MIN_VALUE, Long.MAX_VALUE}) {
      RandomGenerator fixed = () -> bits;
      for (Resampling resampling : Resampling.values()) {
        for (int drawn : resampling.draw(5, weights, fixed)) {
          assertTrue(weights[drawn] > 0, () -> resampling + " drew " + drawn);
        }
      }
    }
    double[] running = {0, 1, 2, 2};
    assertEquals(2, Draws.at(running, Draws.lastWithWeight(running), 2));
  }

  @Test
  void sameSeedSameDraws() {
    double[] weights = {1, 2, 3};
    for (Resampling resampling : Resampling.values()) {
      assertArrayEquals(
          resampling.draw(50, weights, new SplittableRandom(1)),
          resampling.draw(50, weights, new SplittableRandom(1)));
    }
    int[] drawn = Resampling.MULTINOMIAL.draw(50, weights, new SplittableRandom(1));
    SplittableRandom again = new SplittableRandom(1);
    for (int entry : drawn) {
      double point = 6 * ((again.nextLong() >>> 11) / (double) (1L << 53));
      assertEquals(point < 1 ? 0 : point < 3 ? 1 : 2, entry);
    }
  }

  /** Shares are the same numbers, so are the draws. */
  @Test
  void subnormalWeightsAreDrawnAsOthersOfTheSameShares() {
    double least = Double.MIN_VALUE;
    for (Resampling resampling : Resampling.values()) {
      assertArrayEquals(
          resampling.draw(600, new double[] {1, 2, 3}, new SplittableRandom(2)),
          resampling.draw(
              600, new double[] {least, 2 * least, 3 * least}, new SplittableRandom(2)));
    }
  }

  @Test
  void badWeightsAreRefused() {
    RandomGenerator random = new SplittableRandom(1);
    for (Resampling resampling : Resampling.values()) {
      refused("add up to 0", () -> resampling.draw(1, new double[2], random));
      refused("weight 1", () -> resampling.draw(1, new double[] {1, -1}, random));
      refused("weight 0", () -> resampling.draw(1, new double[] {Double.NaN}, random));
      refused("no weight", () -> resampling.draw(1, new double[0], random));
      refused("-1 draws", () -> resampling.draw(-1, new double[] {1}, random));
      assertEquals(0, resampling.draw(0, new double[] {1}, random).length);
    }
  }

  @Test
  void aShuffleIsEven() {
    SplittableRandom random = new SplittableRandom(16);
    int[][] times = new int[4][4];
    for (int trial = 0; trial < 4000; trial++) {
      List<Integer> order = new ArrayList<>(List.of(0, 1, 2, 3));
      Draws.shuffle(order, random);
      assertEquals(Set.of(0, 1, 2, 3), Set.copyOf(order));
      for (int place = 0; place < 4; place++) {
        times[order.get(place)][place]++;
      }
    }
    for (int[] places : times) {
      for (int count : places) {
        // Five standard deviations: sqrt(4000 * 1/4 * 3/4) is 27.
        assertEquals(1000, count, 137);
      }
    }
  }

  @Test
  void weightsWhoseSumIsInfiniteAreRefused() {
    double[] weights = {Double.MAX_VALUE, Double.MAX_VALUE};
    for (Resampling resampling : Resampling.values()) {
      refused("add up to Infinity", () -> resampling.draw(1, weights, new SplittableRandom(1)));
    }
  }
}
