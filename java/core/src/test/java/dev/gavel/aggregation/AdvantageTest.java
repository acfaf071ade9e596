package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.aggregation.Advantage.EpsilonPlace;
import dev.gavel.aggregation.Advantage.GroupOfOne;
import dev.gavel.aggregation.Advantage.Scale;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AdvantageTest {
  private static final EpsilonPlace BESIDE = EpsilonPlace.BESIDE_DEVIATION;
  private static final EpsilonPlace INSIDE = EpsilonPlace.INSIDE_ROOT;

  private static Advantage grpo(Divisor divisor, double epsilon, EpsilonPlace place) {
    return Advantage.grpo(divisor, epsilon, place, GroupOfOne.REFUSE);
  }

  @Test
  void grpoByHandInEveryConvention() {
    double[] rewards = {1, 2, 6};
    // Mean 3, squares 4 + 1 + 9 = 14.
    assertClose(
        new double[] {-2 / Math.sqrt(7), -1 / Math.sqrt(7), 3 / Math.sqrt(7)},
        grpo(Divisor.N_MINUS_ONE, 0, BESIDE).of(rewards));
    assertClose(
        new double[] {
          -2 / (Math.sqrt(14 / 3.0) + 0.5),
          -1 / (Math.sqrt(14 / 3.0) + 0.5),
          3 / (Math.sqrt(14 / 3.0) + 0.5)
        },
        grpo(Divisor.N, 0.5, BESIDE).of(rewards));
    assertClose(
        new double[] {-2 / 3.0, -1 / 3.0, 1}, grpo(Divisor.N_MINUS_ONE, 2, INSIDE).of(rewards));
    assertClose(new double[] {-2, -1, 3}, Advantage.drGrpo(GroupOfOne.REFUSE).of(rewards));
    // Less the mean of the other two: 4, 3.5 and 1.5.
    assertClose(new double[] {-3, -1.5, 4.5}, Advantage.rloo(GroupOfOne.REFUSE).of(rewards));
    // Baseline (1 + 4 + 6) / 4.
    assertClose(
        new double[] {-1.75, -0.75, 3.25}, Advantage.opo(GroupOfOne.REFUSE, 1, 2, 1).of(rewards));
    assertClose(new double[] {0, 0, 4}, Advantage.passK(Scale.none()).of(rewards));
    assertClose(
        new double[] {0, 0, 4 / Math.sqrt(7)},
        Advantage.passK(Scale.deviation(Divisor.N_MINUS_ONE, 0, BESIDE)).of(rewards));
  }

  @Test
  void equalRewardsGiveExactZeros() {
    List<Advantage> all =
        List.of(
            grpo(Divisor.N, 0, BESIDE),
            grpo(Divisor.N_MINUS_ONE, 1e-6, BESIDE),
            grpo(Divisor.N_MINUS_ONE, 0, INSIDE),
            Advantage.drGrpo(GroupOfOne.REFUSE),
            Advantage.rloo(GroupOfOne.REFUSE),
            Advantage.opo(GroupOfOne.REFUSE, 3, 7, 11),
            Advantage.passK(Scale.none()),
            Advantage.passK(Scale.deviation(Divisor.N, 0, BESIDE)));
    for (Advantage advantage : all) {
      for (double reward : new double[] {0.1, 1 / 3.0, -7.3}) {
        assertArrayEquals(new double[3], advantage.of(reward, reward, reward), advantage::toString);
      }
    }
  }

  @Test
  void aGroupOfOneGetsWhatWasAskedFor() {
    assertArrayEquals(new double[1], Advantage.rloo(GroupOfOne.ZERO).of(5));
    assertArrayEquals(new double[] {5}, Advantage.rloo(GroupOfOne.REWARD).of(5));
    assertArrayEquals(new double[] {5}, Advantage.drGrpo(GroupOfOne.REWARD).of(5));
    assertArrayEquals(new double[] {5}, Advantage.opo(GroupOfOne.REWARD, 9).of(5));
    assertArrayEquals(
        new double[] {5 / (1 + 1e-6)},
        Advantage.grpo(Divisor.N_MINUS_ONE, 1e-6, BESIDE, GroupOfOne.REWARD).of(5));
    assertArrayEquals(
        new double[] {2.5}, Advantage.grpo(Divisor.N, 3, INSIDE, GroupOfOne.REWARD).of(5));
    assertArrayEquals(
        new double[1], Advantage.grpo(Divisor.N_MINUS_ONE, 0, BESIDE, GroupOfOne.ZERO).of(5));
    refused("group of one", () -> grpo(Divisor.N, 0, BESIDE).of(5));
    refused("group of one", () -> Advantage.passK(Scale.none()).of(5));
  }

  @Test
  void badGroupsAreRefused() {
    Advantage advantage = Advantage.drGrpo(GroupOfOne.ZERO);
    refused("no reward", advantage::of);
    refused("NaN", () -> advantage.of(1, Double.NaN));
    refused("finite", () -> advantage.of(1, Sample.NOTHING));
    refused("2 lengths and 3", () -> Advantage.opo(GroupOfOne.ZERO, 1, 2).of(1, 2, 3));
    refused("length", () -> Advantage.opo(GroupOfOne.ZERO, 1, 0));
    refused("epsilon", () -> grpo(Divisor.N, -1, BESIDE));
  }

  @Test
  void identities() {
    SplittableRandom random = new SplittableRandom(4);
    for (int trial = 0; trial < 300; trial++) {
      int n = random.nextInt(2, 9);
      double[] rewards = Sample.distinct(random, n);
      double[] centred = Advantage.drGrpo(GroupOfOne.REFUSE).of(rewards);
      double[] rloo = Advantage.rloo(GroupOfOne.REFUSE).of(rewards);
      double[] grpo = grpo(Divisor.N, 0, BESIDE).of(rewards);
      assertEquals(0, Numbers.sum(centred), 1e-12);
      assertEquals(1, Divisor.N.standardDeviation(grpo), 1e-12);
      double[] equalLengths = new double[n];
      Arrays.fill(equalLengths, 17);
      assertClose(centred, Advantage.opo(GroupOfOne.REFUSE, equalLengths).of(rewards));
      for (int i = 0; i < n; i++) {
        int self = i;
        double others =
            java.util.stream.IntStream.range(0, n)
                .filter(j -> j != self)
                .mapToDouble(j -> rewards[j])
                .average()
                .orElseThrow();
        assertEquals(rewards[i] - others, rloo[i], 1e-12);
      }
      // Preferences that are gaps of rewards: GRPO with divisor n - 1, epsilon inside the root.
      assertClose(
          grpo(Divisor.N_MINUS_ONE, 1e-6, INSIDE).of(rewards),
          PairMatrix.ofScores(rewards).advantages(1e-6, GroupOfOne.REFUSE));
    }
  }

  @Test
  void batchesShareAScale() {
    Groups groups = Groups.ofSizes(2, 0, 3, 1);
    double[] rewards = {1, 3, 0, 0, 3, 5};
    Scale scale = Scale.deviation(Divisor.N, 0, BESIDE);
    double deviation = Math.sqrt((1 + 1 + 4 + 4 + 1 + 9) / 6.0);
    assertClose(
        Arrays.stream(new double[] {-1, 1, -1, -1, 2, 0}).map(gap -> gap / deviation).toArray(),
        BatchAdvantage.scaledByBatch(groups, rewards, scale, GroupOfOne.ZERO));
    double[] whitened = BatchAdvantage.whitened(groups, rewards, scale, GroupOfOne.ZERO);
    assertEquals(0, Numbers.sum(whitened), 1e-15);
    assertEquals(1, Divisor.N.standardDeviation(whitened), 1e-15);
    assertArrayEquals(new int[] {0, 2}, BatchAdvantage.informative(groups, rewards));
    assertArrayEquals(new int[0], BatchAdvantage.informative(Groups.ofSizes(2, 1), 4, 4, 1));
    assertArrayEquals(new int[0], BatchAdvantage.informative(Groups.ofSizes(2), 0.0, -0.0));
    assertArrayEquals(
        new double[2],
        BatchAdvantage.scaledByBatch(
            Groups.ofSizes(2), new double[] {0.1, 0.1}, scale, GroupOfOne.ZERO));
  }

  @Test
  void outliersAndLargeRatiosAreCut() {
    // Mean 1, deviation 2.
    double[] advantages = {0, 0, 0, 0, 5};
    assertArrayEquals(
        new boolean[] {true, true, true, true, false},
        BatchAdvantage.withinDeviations(1.9, Divisor.N, advantages));
    assertArrayEquals(
        new boolean[] {true, true, true, true, true},
        BatchAdvantage.withinDeviations(2, Divisor.N, advantages));
    assertArrayEquals(
        new boolean[] {true, true}, BatchAdvantage.withinDeviations(0, Divisor.N, 0.1, 0.1));
    assertEquals(Math.exp(0.5), BatchAdvantage.clampedRatio(1000, -1, -1.5), 1e-15);
    assertEquals(1000, BatchAdvantage.clampedRatio(1000, 0, -1e5), 1e-9);
    assertEquals(0.001, BatchAdvantage.clampedRatio(1000, -1e5, 0), 1e-15);
    refused("limit", () -> BatchAdvantage.clampedRatio(0.5, 0, 0));
  }

  @Test
  void groupsAreWhatTheirOffsetsSay() {
    Groups groups = Groups.ofOffsets(0, 2, 2, 3);
    assertEquals(3, groups.size());
    assertArrayEquals(new double[] {7}, groups.slice(2, 5, 6, 7));
    assertArrayEquals(new double[0], groups.slice(1, 5, 6, 7));
    refused("not fall", () -> Groups.ofOffsets(0, 2, 1));
    refused("begin with 0", () -> Groups.ofOffsets(1, 2));
    refused("begin with 0", Groups::ofOffsets);
    refused("2 scores for groups of 3", () -> groups.slice(0, 1, 2));
    refused("-1 scores", () -> Groups.ofSizes(1, -1));
    refused("results", () -> groups.map(_ -> new double[5], 1, 2, 3));
  }

  @Test
  void twoResponsesAreEnough() {
    assertClose(new double[] {0, 3}, Advantage.passK(Scale.none()).of(1, 4));
    assertClose(new double[] {-3, 3}, Advantage.rloo(GroupOfOne.REFUSE).of(1, 4));
    assertClose(new double[] {-1, 1}, grpo(Divisor.N, 0, BESIDE).of(1, 4));
  }

  /** A group of one that keeps its reward moves the mean of the batch away from 0. */
  @Test
  void whiteningTakesTheMeanOfTheBatchOut() {
    assertClose(
        new double[] {-3, -1, 4},
        BatchAdvantage.whitened(
            Groups.ofSizes(2, 1), new double[] {1, 3, 6}, Scale.none(), GroupOfOne.REWARD));
    assertClose(
        new double[] {0, 0, 0, 0},
        BatchAdvantage.whitened(
            Groups.ofSizes(2, 2),
            new double[] {2, 2, 5, 5},
            Scale.deviation(Divisor.N, 0, BESIDE),
            GroupOfOne.REFUSE));
  }

  @Test
  void theNarrowestLimits() {
    assertEquals(1, BatchAdvantage.clampedRatio(1, -1, -5));
    refused("limit", () -> BatchAdvantage.clampedRatio(Double.POSITIVE_INFINITY, 0, 0));
    assertEquals(0, Groups.ofOffsets(0).size());
    refused("epsilon", () -> grpo(Divisor.N, Double.POSITIVE_INFINITY, BESIDE));
    refused("length", () -> Advantage.opo(GroupOfOne.ZERO, Double.POSITIVE_INFINITY));
  }
}
