package dev.gavel.aggregation;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Seeded single elimination. */
record SingleElimination() implements Tournament {
  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    double[] seeding = AnchorRanking.totals(contest, responses);
    for (int i = 0; i < responses && responses > 1; i++) {
      contest.give(i, seeding[i]);
    }
    List<Integer> seeds = contest.byMeanPoints(IntStream.range(0, responses).boxed().toList());
    List<Integer> active = bracket(responses).stream().map(seeds::get).toList();
    List<Integer> bestFirst = new ArrayList<>();
    while (active.size() > 1) {
      List<Integer> winners = new ArrayList<>();
      List<Integer> losers = new ArrayList<>();
      if (active.size() % 2 == 1) {
        winners.add(active.getLast());
      }
      for (int i = 0; i + 1 < active.size(); i += 2) {
        Points points = contest.compare(active.get(i), active.get(i + 1));
        boolean firstGoesOn = points.first() >= points.second();
        winners.add(active.get(firstGoesOn ? i : i + 1));
        losers.add(active.get(firstGoesOn ? i + 1 : i));
      }
      bestFirst.addAll(0, contest.byMeanPoints(losers));
      active = winners;
    }
    bestFirst.addAll(0, active);
    return Placement.ofOrder(bestFirst, contest.comparisons());
  }

  /**
   * Seeds in the order in which neighbours meet, so that high seeds meet late: for n a power of two
   * each seed is followed by the one that makes their sum n - 1; for others those from n on are
   * left out.
   */
  static List<Integer> bracket(int responses) {
    List<Integer> order = List.of(0);
    while (order.size() < responses) {
      int sum = 2 * order.size() - 1;
      order = order.stream().flatMap(seed -> List.of(seed, sum - seed).stream()).toList();
    }
    return order.stream().filter(seed -> seed < responses).toList();
  }
}
