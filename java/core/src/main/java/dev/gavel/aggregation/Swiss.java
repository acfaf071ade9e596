package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Swiss rounds with Buchholz. ArenaRL's public code shuffles its list of players and then credits
 * points by number in the shuffled list, so to others than those who won them; here they go to
 * those who won them.
 *
 * @param rounds 0 for ceil(log2 n)
 * @param random orders responses with the same points
 */
record Swiss(int rounds, RandomGenerator random) implements Tournament {
  Swiss {
    if (rounds < 0) {
      throw new InvalidArgumentException(
          "%d Swiss rounds; it must be 0 for ceil(log2 n), or more".formatted(rounds));
    }
  }

  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    double[] points = new double[responses];
    // Who meets somebody twice has them here twice: Buchholz counts opponents by round.
    List<List<Integer>> met = new ArrayList<>();
    for (int i = 0; i < responses; i++) {
      met.add(new ArrayList<>());
    }
    boolean[] satOut = new boolean[responses];
    int wanted = rounds > 0 ? rounds : Integer.SIZE - Integer.numberOfLeadingZeros(responses - 1);
    for (int round = 0; round < Math.min(wanted, responses - 1); round++) {
      playRound(contest, points, met, satOut);
    }
    double[] buchholz = new double[responses];
    Arrays.setAll(buchholz, i -> met.get(i).stream().mapToDouble(other -> points[other]).sum());
    return new Placement(rewards(points, buchholz), contest.comparisons());
  }

  private void playRound(
      Contest contest, double[] points, List<List<Integer>> met, boolean[] satOut) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, points.length).boxed().toList());
    Draws.shuffle(order, random);
    order.sort(Comparator.comparingDouble((Integer i) -> points[i]).reversed());
    SequencedSet<Integer> waiting = new LinkedHashSet<>(order);
    if (waiting.size() % 2 == 1) {
      // The last one that met somebody in every round so far has nobody to meet, which counts as a
      // win. There is such a one: rounds are fewer than responses.
      int out = waiting.reversed().stream().filter(i -> !satOut[i]).findFirst().orElseThrow();
      waiting.remove(out);
      satOut[out] = true;
      points[out]++;
    }
    // Points of this round must not count before all of it is paired.
    double[] won = new double[points.length];
    while (!waiting.isEmpty()) {
      int first = waiting.removeFirst();
      int second =
          waiting.stream()
              .filter(other -> !met.get(first).contains(other))
              .findFirst()
              .orElse(waiting.getFirst());
      waiting.remove(second);
      Points result = contest.ask(first, second);
      double win = 0.5 + 0.5 * Math.signum(result.first() - result.second());
      won[first] += win;
      won[second] += 1 - win;
      met.get(first).add(second);
      met.get(second).add(first);
    }
    Arrays.setAll(points, i -> points[i] + won[i]);
  }

  /** Reward of the place; equals share the mean of their places. */
  private static List<Double> rewards(double[] points, double[] buchholz) {
    int n = points.length;
    List<Double> rewards = new ArrayList<>(Collections.nCopies(n, 0.0));
    for (int i = 0; i < n && n > 1; i++) {
      int better = 0;
      int equal = 0;
      for (int j = 0; j < n; j++) {
        int order = Double.compare(points[j], points[i]);
        order = order == 0 ? Double.compare(buchholz[j], buchholz[i]) : order;
        better += order > 0 ? 1 : 0;
        equal += order == 0 ? 1 : 0;
      }
      rewards.set(i, 1 - (better + (equal - 1) / 2.0) / (n - 1));
    }
    return rewards;
  }
}
