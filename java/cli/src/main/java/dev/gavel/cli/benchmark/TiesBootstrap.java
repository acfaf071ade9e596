package dev.gavel.cli.benchmark;

import dev.gavel.metric.Bootstrap;
import dev.gavel.metric.Estimate;
import dev.gavel.metric.RewardBench2Ties;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * The score of the Ties subset with its interval. Prompts are drawn, each with all its rows, since
 * a tied prompt is worth nothing without its reference; one that is drawn twice counts as two.
 * Prompts that lack one of the two are in every sample as they are.
 */
final class TiesBootstrap {
  private TiesBootstrap() {}

  static Estimate estimate(List<RewardBench2Ties.Row> rows, Bootstrap bootstrap, long seed) {
    SortedMap<Integer, List<RewardBench2Ties.Row>> byPrompt = new TreeMap<>();
    rows.forEach(row -> byPrompt.computeIfAbsent(row.prompt(), _ -> new ArrayList<>()).add(row));
    List<List<RewardBench2Ties.Row>> whole =
        byPrompt.values().stream().filter(TiesBootstrap::isWhole).toList();
    List<RewardBench2Ties.Row> others =
        rows.stream().filter(row -> !isWhole(byPrompt.get(row.prompt()))).toList();
    // Refuses rows that have no score, before any are drawn.
    double value = RewardBench2Ties.of(rows).score();
    return new Estimate(
        value,
        bootstrap.interval(
            whole.size(), drawn -> score(whole, others, drawn), new SplittableRandom(seed)));
  }

  private static boolean isWhole(List<RewardBench2Ties.Row> prompt) {
    return prompt.stream().map(RewardBench2Ties.Row::kind).distinct().count() > 1;
  }

  private static double score(
      List<List<RewardBench2Ties.Row>> whole, List<RewardBench2Ties.Row> others, int[] drawn) {
    List<RewardBench2Ties.Row> rows = new ArrayList<>(others);
    for (int number = 0; number < drawn.length; number++) {
      for (RewardBench2Ties.Row row : whole.get(drawn[number])) {
        // Prompts are numbered from 0; below 0 nothing of the others is met.
        rows.add(new RewardBench2Ties.Row(row.kind(), -1 - number, row.right(), row.wrong()));
      }
    }
    return RewardBench2Ties.of(rows).score();
  }
}
