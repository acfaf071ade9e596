package dev.gavel.aggregation;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Out after two lost comparisons: losers of the winners' bracket meet in the losers' bracket, and
 * the last of both in a final. A tie in the final goes to the response that is drawn to be shown
 * first.
 *
 * @param random draws the pairings
 */
record DoubleElimination(RandomGenerator random) implements Tournament {
  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    List<List<Integer>> drops = new ArrayList<>();
    List<Integer> winners = new ArrayList<>(IntStream.range(0, responses).boxed().toList());
    while (winners.size() > 1) {
      drops.add(round(contest, winners));
    }
    List<Integer> bestFirst = new ArrayList<>();
    List<Integer> losers = new ArrayList<>();
    for (List<Integer> dropped : drops) {
      losers.addAll(dropped);
      if (losers.size() > 1) {
        bestFirst.addAll(0, contest.byMeanPoints(round(contest, losers)));
      }
    }
    while (losers.size() > 1) {
      bestFirst.addAll(0, contest.byMeanPoints(round(contest, losers)));
    }
    List<Integer> finalists = new ArrayList<>(winners);
    finalists.addAll(losers);
    List<Integer> second = finalists.size() > 1 ? round(contest, finalists) : List.of();
    bestFirst.addAll(0, second);
    bestFirst.addAll(0, finalists);
    return Placement.ofOrder(bestFirst, contest.comparisons());
  }

  /**
   * Pairs at random; one left over goes on. Leaves those who go on in the list, returns the rest.
   */
  private List<Integer> round(Contest contest, List<Integer> active) {
    List<Integer> pool = new ArrayList<>(active);
    Draws.shuffle(pool, random);
    List<Integer> lost = new ArrayList<>();
    for (int i = 0; i + 1 < pool.size(); i += 2) {
      Points points = contest.compare(pool.get(i), pool.get(i + 1));
      lost.add(pool.get(points.first() >= points.second() ? i + 1 : i));
    }
    active.removeAll(new HashSet<>(lost));
    return lost;
  }
}
