package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.assertClose;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.aggregation.Tournament.Judge;
import dev.gavel.aggregation.Tournament.Points;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TournamentTest {
  private static List<Tournament> all(RandomGenerator random) {
    return List.of(
        Tournament.anchor(),
        Tournament.roundRobin(),
        Tournament.singleElimination(),
        Tournament.doubleElimination(random),
        Tournament.swiss(0, random));
  }

  private static Judge judge(double... strength) {
    return (first, second) -> new Points(strength[first], strength[second]);
  }

  @Test
  void seededBrackets() {
    assertEquals(List.of(0, 7, 3, 4, 1, 6, 2, 5), SingleElimination.bracket(8));
    assertEquals(SingleElimination.bracket(8), SingleElimination.bracket(5));
    assertEquals(List.of(0, 1), SingleElimination.bracket(2));
    assertEquals(List.of(0), SingleElimination.bracket(1));
  }

  @Test
  void whereOneOrderRanksAllTheBestWins() {
    SplittableRandom random = new SplittableRandom(5);
    for (int trial = 0; trial < 200; trial++) {
      int n = random.nextInt(1, 14);
      double[] strength = Sample.distinct(random, n);
      int best = Selection.bestOfN(TieRule.REFUSE, strength).getAsInt();
      for (Tournament tournament : all(random)) {
        Placement placement = tournament.play(n, judge(strength));
        assertEquals(n, placement.rewards().size());
        assertTrue(
            placement.champions().contains(best), () -> tournament + " of " + List.of(strength));
        placement.rewards().forEach(reward -> assertTrue(reward >= 0 && reward <= 1));
      }
      for (Tournament sorting : List.of(Tournament.anchor(), Tournament.roundRobin())) {
        double[] rewards = sorting.play(n, judge(strength)).toArray();
        assertEquals(Selection.ranking(strength), Selection.ranking(rewards));
      }
    }
  }

  @Test
  void eachAsksAsOftenAsItSays() {
    for (int n = 2; n <= 17; n++) {
      double[] strength = DoubleStream.iterate(0, x -> x + 1).limit(n).toArray();
      RandomGenerator random = new SplittableRandom(n);
      assertEquals(n - 1, Tournament.anchor().play(n, judge(strength)).comparisons());
      assertEquals(n * (n - 1) / 2, Tournament.roundRobin().play(n, judge(strength)).comparisons());
      assertEquals(
          2 * n - 2, Tournament.singleElimination().play(n, judge(strength)).comparisons());
      // All but one lose once among those who never lost, all but one of these once more, and one
      // the final.
      assertEquals(
          2 * n - 2, Tournament.doubleElimination(random).play(n, judge(strength)).comparisons());
      int rounds = Math.min((int) Math.ceil(Math.log(n) / Math.log(2)), n - 1);
      assertEquals(
          rounds * (n / 2), Tournament.swiss(0, random).play(n, judge(strength)).comparisons());
      assertEquals(
          Math.min(2, n - 1) * (n / 2),
          Tournament.swiss(2, random).play(n, judge(strength)).comparisons());
    }
  }

  @Test
  void aTieIsNotLostToRounding() {
    for (double points : new double[] {0.1, 0.2, 0.5, 1}) {
      for (int n = 2; n <= 12; n++) {
        Judge same = (_, _) -> new Points(points, points);
        assertEquals(
            Collections.nCopies(n, 0.0), Tournament.anchor().play(n, same).rewards(), "anchor");
      }
      // In the order of the responses, which is that of equals, the first is the first seed.
      for (int n = 2; n <= 17; n++) {
        Judge same = (_, _) -> new Points(points, points);
        assertEquals(1, Tournament.singleElimination().play(n, same).rewards().getFirst());
      }
    }
    // The mean of response 0 over the others is 0.1, as much as the first has.
    double[] own = {0.1, 0.2, 0.1, 0, 0, 0.2, 0.1, 0.2};
    double[] other = {0.1, 0.2, 0, 0, 0, 0.2, 0.2, 0.1};
    List<Double> rewards =
        Tournament.anchor().play(9, (i, _) -> new Points(own[i - 1], other[i - 1])).rewards();
    assertEquals(rewards.get(1), rewards.getFirst());
    // Mean points of more and of fewer comparisons are the same, too.
    Contest contest = new Contest(2, (_, _) -> new Points(0.7, 0.7));
    for (int count = 1; count <= 12; count++) {
      contest.give(0, 0.7);
      assertEquals(0.7, contest.meanPoints(0));
    }
  }

  @Test
  void aloneNobodyIsAsked() {
    Judge never =
        (_, _) -> {
          throw new AssertionError("asked");
        };
    for (Tournament tournament : all(new SplittableRandom(6))) {
      assertEquals(new Placement(List.of(0.0), 0), tournament.play(1, never));
      refused("0 responses", () -> tournament.play(0, never));
    }
  }

  @Test
  void tiesShareARank() {
    assertClose(
        new double[] {2 / 3.0, 2 / 3.0, 1, 0},
        Tournament.roundRobin().play(4, judge(2, 2, 3, 1)).toArray());
    // Ranks 1, 2, 2, 4: (4 - rank) / 3.
    assertClose(
        new double[] {1, 2 / 3.0, 2 / 3.0, 0},
        Placement.ofTotals(new double[] {9, 5, 5, 1}, 0).toArray());
    assertClose(new double[3], Tournament.anchor().play(3, judge(2, 2, 2)).toArray());
    assertClose(new double[3], Tournament.roundRobin().play(3, judge(2, 2, 2)).toArray());
    assertClose(
        new double[] {0.5, 0.5, 0.5, 0.5},
        Tournament.swiss(0, new SplittableRandom(7)).play(4, judge(2, 2, 2, 2)).toArray());
  }

  /**
   * Points of the anchor are the mean over its comparisons, here 2, between the others' 1 and 3.
   */
  @Test
  void theAnchorGetsItsMean() {
    Judge judge = (first, _) -> first == 1 ? new Points(3, 1) : new Points(1, 3);
    assertClose(new double[] {0.5, 1, 0}, Tournament.anchor().play(3, judge).toArray());
  }

  @Test
  void singleEliminationByHand() {
    // Seeds by strength: 3, 1, 0, 2. Semifinals 3-2 and 1-0, then the final; the judge errs in it.
    List<String> asked = new ArrayList<>();
    double[] strength = {2, 3, 1, 4};
    Judge judge =
        (first, second) -> {
          asked.add(first + "-" + second);
          return first == 3 && second == 1
              ? new Points(0, 1)
              : new Points(strength[first], strength[second]);
        };
    Placement placement = Tournament.singleElimination().play(4, judge);
    assertEquals(List.of("1-0", "2-0", "3-0", "3-2", "1-0", "3-1"), asked);
    // Both semifinal losers by mean points: 0 has 2 and 2, 2 has 1 and 1.
    assertClose(new double[] {1 / 3.0, 1, 0, 2 / 3.0}, placement.toArray());
  }

  /** So in every n: the best seeds go on, and best and second best meet in the final only. */
  @Test
  void theBestSeedsGoOnWithoutAnOpponent() {
    List<String> asked = new ArrayList<>();
    Judge judge =
        (first, second) -> {
          asked.add(first + "-" + second);
          return new Points(-first, -second);
        };
    Tournament.singleElimination().play(5, judge);
    // Places 0 7 3 4 1 6 2 5 of seeds 0 to 4: only 3 and 4 meet in the first round.
    assertEquals(List.of("3-4", "0-3", "1-2", "0-1"), asked.subList(4, 8));
    asked.clear();
    Tournament.singleElimination().play(6, judge);
    assertEquals(List.of("3-4", "2-5", "0-3", "1-2", "0-1"), asked.subList(5, 10));
    for (int n = 2; n <= 33; n++) {
      asked.clear();
      Placement placement = Tournament.singleElimination().play(n, judge);
      assertEquals("0-1", asked.getLast());
      assertEquals(1 - 1.0 / (n - 1), placement.rewards().get(1), 1e-15);
      int byes = (1 << (Integer.SIZE - Integer.numberOfLeadingZeros(n - 1))) - n;
      List<String> firstRound = asked.subList(n - 1, n - 1 + (n - byes) / 2);
      for (int seed = 0; seed < byes; seed++) {
        String self = Integer.toString(seed);
        assertTrue(
            firstRound.stream().noneMatch(pair -> List.of(pair.split("-")).contains(self)),
            () -> self + " in " + firstRound);
      }
    }
  }

  @Test
  void noPairMeetsTwiceInSwissWhileOthersAreLeft() {
    SplittableRandom random = new SplittableRandom(8);
    for (int trial = 0; trial < 50; trial++) {
      Set<Set<Integer>> met = new HashSet<>();
      double[] strength = Sample.distinct(random, 8);
      Judge judge =
          (first, second) -> {
            assertTrue(met.add(Set.of(first, second)));
            return new Points(strength[first], strength[second]);
          };
      Tournament.swiss(2, random).play(8, judge);
      assertEquals(8, met.size());
    }
  }

  @Test
  void nobodySitsOutTwiceInSwissWhileOthersHaveNot() {
    SplittableRandom random = new SplittableRandom(9);
    for (int n = 3; n <= 9; n += 2) {
      int[] played = new int[n];
      double[] strength = Sample.distinct(random, n);
      Judge judge =
          (first, second) -> {
            played[first]++;
            played[second]++;
            return new Points(strength[first], strength[second]);
          };
      Tournament.swiss(n - 1, random).play(n, judge);
      for (int times : played) {
        assertTrue(times >= n - 2, times + " games among " + n);
      }
    }
  }

  @Test
  void swissCreditsWhoWon() {
    // One round of two pairs: winners share the upper half, losers the lower.
    double[] strength = {1, 4, 2, 3};
    for (int seed = 0; seed < 20; seed++) {
      List<Integer> won = new ArrayList<>();
      Judge judge =
          (first, second) -> {
            won.add(strength[first] > strength[second] ? first : second);
            return new Points(strength[first], strength[second]);
          };
      Placement placement = Tournament.swiss(1, new SplittableRandom(seed)).play(4, judge);
      assertEquals(Set.copyOf(won), Set.copyOf(placement.champions()));
    }
  }

  @Test
  void theSameSeedPlaysTheSame() {
    double[] strength = {1, 1, 2, 0, 2, 1, 1};
    for (int which = 3; which < 5; which++) {
      assertEquals(
          all(new SplittableRandom(9)).get(which).play(7, judge(strength)),
          all(new SplittableRandom(9)).get(which).play(7, judge(strength)));
    }
  }

  @Test
  void pointsMustBeNumbers() {
    for (Tournament tournament : all(new SplittableRandom(10))) {
      refused("finite", () -> tournament.play(2, (_, _) -> new Points(Double.NaN, 1)));
    }
    refused("Swiss", () -> Tournament.swiss(-1, new SplittableRandom(1)));
  }

  @Test
  void inATieTheFirstShownGoesOn() {
    List<Integer> shownFirst = new ArrayList<>();
    Judge judge =
        (first, _) -> {
          shownFirst.add(first);
          return new Points(1, 1);
        };
    Placement single = Tournament.singleElimination().play(2, judge);
    assertEquals(List.of(shownFirst.getLast()), single.champions());
    Placement twice = Tournament.doubleElimination(new SplittableRandom(17)).play(2, judge);
    assertEquals(List.of(shownFirst.getLast()), twice.champions());
  }

  /** Points and Buchholz counted anew from who was asked about; who met twice counts twice. */
  @Test
  void swissRewardsAreThoseOfItsComparisons() {
    SplittableRandom random = new SplittableRandom(20);
    int again = 0;
    for (int trial = 0; trial < 300; trial++) {
      int n = random.nextInt(2, 10);
      int rounds = random.nextInt(1, 9);
      double[] strength = random.ints(n, 0, 4).asDoubleStream().toArray();
      List<List<Integer>> asked = new ArrayList<>();
      Judge judge =
          (first, second) -> {
            asked.add(List.of(first, second));
            return new Points(strength[first], strength[second]);
          };
      Placement placement = Tournament.swiss(rounds, random).play(n, judge);
      again += asked.size() - (int) asked.stream().map(Set::copyOf).distinct().count();
      double[] points = new double[n];
      for (int from = 0; from < asked.size(); from += n / 2) {
        Set<Integer> without = new HashSet<>(IntStream.range(0, n).boxed().toList());
        for (List<Integer> pair : asked.subList(from, from + n / 2)) {
          double difference = strength[pair.getFirst()] - strength[pair.getLast()];
          points[pair.getFirst()] += difference > 0 ? 1 : difference == 0 ? 0.5 : 0;
          points[pair.getLast()] += difference < 0 ? 1 : difference == 0 ? 0.5 : 0;
          pair.forEach(without::remove);
        }
        without.forEach(one -> points[one]++);
      }
      double[] order = points.clone();
      for (List<Integer> pair : asked) {
        // Below half a point of their own, however many rounds.
        order[pair.getFirst()] += points[pair.getLast()] / 1024;
        order[pair.getLast()] += points[pair.getFirst()] / 1024;
      }
      double[] expected = new double[n];
      for (int i = 0; i < n; i++) {
        double own = order[i];
        double better = DoubleStream.of(order).filter(other -> other > own).count();
        double equal = DoubleStream.of(order).filter(other -> other == own).count();
        expected[i] = 1 - (better + (equal - 1) / 2) / (n - 1);
      }
      assertClose(expected, placement.toArray());
    }
    assertTrue(again > 50, again + " met again");
  }

  /** With as many rounds as others everyone may meet everyone; who must meet again does. */
  @Test
  void moreRoundsThanOpponentsStillPairAll() {
    SplittableRandom random = new SplittableRandom(18);
    for (int trial = 0; trial < 50; trial++) {
      double[] strength = Sample.distinct(random, 6);
      assertEquals(15, Tournament.swiss(9, random).play(6, judge(strength)).comparisons());
    }
  }
}
