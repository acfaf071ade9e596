package dev.gavel.aggregation;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Seeded single elimination. Where the number is not a power of two, the best seeds have no
 * opponent in the first round, and nobody is without one later.
 */
record SingleElimination() implements Tournament {
  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    double[] seeding = AnchorRanking.totals(contest, responses);
    for (int i = 0; i < responses && responses > 1; i++) {
      contest.give(i, seeding[i]);
    }
    List<Integer> seeds = contest.byMeanPoints(IntStream.range(0, responses).boxed().toList());
    // A place whose seed there is not stays empty through the first round.
    List<OptionalInt> active =
        bracket(responses).stream()
            .map(seed -> seed < responses ? OptionalInt.of(seeds.get(seed)) : OptionalInt.empty())
            .toList();
    List<Integer> bestFirst = new ArrayList<>();
    while (active.size() > 1) {
      List<OptionalInt> winners = new ArrayList<>();
      List<Integer> losers = new ArrayList<>();
      for (int i = 0; i < active.size(); i += 2) {
        OptionalInt one = active.get(i);
        OptionalInt other = active.get(i + 1);
        if (one.isEmpty() || other.isEmpty()) {
          winners.add(one.isEmpty() ? other : one);
          continue;
        }
        Points points = contest.compare(one.getAsInt(), other.getAsInt());
        boolean firstGoesOn = points.first() >= points.second();
        winners.add(firstGoesOn ? one : other);
        losers.add((firstGoesOn ? other : one).getAsInt());
      }
      bestFirst.addAll(0, contest.byMeanPoints(losers));
      active = winners;
    }
    active.forEach(champion -> bestFirst.addFirst(champion.getAsInt()));
    return Placement.ofOrder(bestFirst, contest.comparisons());
  }

  /**
   * Seeds in the order in which neighbours meet, so that high seeds meet late: for 2^m places each
   * seed is followed by the one that makes their sum 2^m - 1. The places are those of the next
   * power of two; seeds that there are not are in it, and who would meet them goes on.
   */
  static List<Integer> bracket(int responses) {
    List<Integer> order = List.of(0);
    while (order.size() < responses) {
      int sum = 2 * order.size() - 1;
      order = order.stream().flatMap(seed -> Stream.of(seed, sum - seed)).toList();
    }
    return order;
  }
}
