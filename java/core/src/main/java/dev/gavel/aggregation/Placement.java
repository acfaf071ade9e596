package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How a tournament ended.
 *
 * @param rewards one per response, 0 to 1
 * @param comparisons how often the judge was asked
 */
public record Placement(List<Double> rewards, int comparisons) {
  /** Takes a copy. */
  public Placement {
    rewards = List.copyOf(rewards);
  }

  /** All responses with the highest reward. */
  public List<Integer> champions() {
    double most = Collections.max(rewards);
    return IntStream.range(0, rewards.size()).filter(i -> rewards.get(i) == most).boxed().toList();
  }

  /** Rewards as an {@link Advantage} takes them. */
  public double[] toArray() {
    return rewards.stream().mapToDouble(Double::doubleValue).toArray();
  }

  static void requireGroup(int responses) {
    if (responses < 1) {
      throw new InvalidArgumentException(
          "tournament of %d responses; it must be 1 or more".formatted(responses));
    }
  }

  /** 1 - place / (n - 1) for every place. */
  static Placement ofOrder(List<Integer> bestFirst, int comparisons) {
    int n = bestFirst.size();
    List<Double> rewards = new ArrayList<>(Collections.nCopies(n, 0.0));
    for (int place = 0; place < n && n > 1; place++) {
      rewards.set(bestFirst.get(place), 1 - (double) place / (n - 1));
    }
    return new Placement(rewards, comparisons);
  }

  /**
   * (worst - rank) / (worst - 1), where a rank is one more than the number of higher totals; all 0
   * where all are equal.
   */
  static Placement ofTotals(double[] totals, int comparisons) {
    int[] ranks = new int[totals.length];
    int worst = 1;
    Integer[] order = IntStream.range(0, totals.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble((Integer i) -> totals[i] + 0.0).reversed());
    for (int place = 0; place < order.length; place++) {
      int i = order[place];
      boolean equal = place > 0 && totals[order[place - 1]] == totals[i];
      ranks[i] = equal ? ranks[order[place - 1]] : place + 1;
      worst = Math.max(worst, ranks[i]);
    }
    List<Double> rewards = new ArrayList<>();
    for (int rank : ranks) {
      rewards.add(worst == 1 ? 0 : (double) (worst - rank) / (worst - 1));
    }
    return new Placement(rewards, comparisons);
  }
}
