package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.Map;

/**
 * RewardBench 2 (arXiv 2506.01937; allenai/reward-bench {@code utils.py reroll_and_score_dataset}):
 * one right response among several, usually four. The Ties subset has its own score, {@link
 * RewardBench2Ties}.
 */
public final class RewardBench2 {
  private RewardBench2() {}

  /**
   * Credit of a row: 1 over the number of responses with the highest score where the right one is
   * among them, else 0. A scorer that always says the same gets 1/4 of four.
   *
   * @param right which response is right; 0 in the reference's files
   * @param scores one per response, one or more
   * @throws InvalidArgumentException if there is no such response, or a score is NaN or infinity
   */
  public static double credit(int right, double... scores) {
    Checks.requireScores("score", scores);
    if (right < 0 || right >= scores.length) {
      throw new InvalidArgumentException(
          "response %d of %d is right; responses count from 0".formatted(right, scores.length));
    }
    double most = Arrays.stream(scores).max().orElseThrow();
    return scores[right] == most
        ? 1.0 / Arrays.stream(scores).filter(score -> score == most).count()
        : 0;
  }

  /**
   * Score of a subset: the mean of its credits.
   *
   * @param credits one or more
   */
  public static double subset(double... credits) {
    Checks.requireSome("credit", credits.length);
    for (double credit : credits) {
      Checks.requireShare("credit", credit);
    }
    return Arrays.stream(credits).average().orElseThrow();
  }

  /**
   * The score: the plain mean over subsets, Ties among them.
   *
   * @param subsets score of each by name, finite, one or more
   */
  public static double score(Map<String, Double> subsets) {
    Checks.requireSome("subset", subsets.size());
    subsets.forEach((name, score) -> Checks.requireFinite("score of " + name, score));
    return subsets.values().stream()
        .mapToDouble(Double::doubleValue)
        .sorted()
        .average()
        .orElseThrow();
  }
}
