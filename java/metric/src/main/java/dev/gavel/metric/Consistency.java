package dev.gavel.metric;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How far two models rank the responses of a prompt alike, 0 to 1 (CREAM, arXiv 2410.12735; {@code
 * cal_consistency.py}). One less this is the label smoothing of its Bradley-Terry loss. Equal
 * scores are ranked in the order they come, as in the code.
 */
public enum Consistency {
  /** (Kendall's tau + 1) / 2. */
  KENDALL,
  /** (Spearman's rho + 1) / 2. */
  SPEARMAN,
  /** 1 where the first and the last response given have the same rank in both, else 0. */
  TOP_ORDER;

  /**
   * Compares.
   *
   * @param one scores of one model, two or more
   * @param other scores of the other for the same responses
   */
  public double of(double[] one, double[] other) {
    Checks.requireSameLength("scores", one.length, "others", other.length);
    Checks.requireSome("second score", Math.max(one.length - 1, 0));
    double[] ranks = ranks(one);
    double[] otherRanks = ranks(other);
    return switch (this) {
      case KENDALL -> (Correlation.KENDALL_TAU_B.of(ranks, otherRanks).orElseThrow() + 1) / 2;
      case SPEARMAN -> (Correlation.SPEARMAN.of(ranks, otherRanks).orElseThrow() + 1) / 2;
      case TOP_ORDER -> {
        int last = ranks.length - 1;
        yield ranks[0] == otherRanks[0] && ranks[last] == otherRanks[last] ? 1 : 0;
      }
    };
  }

  private static double[] ranks(double... scores) {
    Checks.requireScores("score", scores);
    double[] ranks = new double[scores.length];
    int[] order =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> scores[i] + 0.0))
            .mapToInt(Integer::intValue)
            .toArray();
    for (int rank = 0; rank < order.length; rank++) {
      ranks[order[rank]] = rank + 1;
    }
    return ranks;
  }
}
