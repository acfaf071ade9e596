package dev.gavel.metric;

import java.util.Arrays;

/**
 * Right responses against all wrong ones of a prompt (RewardMATH, arXiv 2410.01729, {@code
 * src/evaluation/eval.py}: one against nine).
 */
public final class OneVersusMany {
  private OneVersusMany() {}

  /**
   * Whether the worst right response beats the best wrong one.
   *
   * @param ties what it counts where they are equal; the reference has WRONG, and RIGHT beside it
   * @param right scores of the right responses, one or more
   * @param wrong scores of the wrong ones, one or more
   * @return 0, 1 or what a tie counts
   */
  public static double accuracy(TieCredit ties, double[] right, double[] wrong) {
    check(right, wrong);
    double worstRight = Arrays.stream(right).min().orElseThrow();
    double bestWrong = Arrays.stream(wrong).max().orElseThrow();
    return worstRight == bestWrong ? ties.value() : worstRight > bestWrong ? 1 : 0;
  }

  /**
   * Reciprocal rank of the best right response: 1 over one more than the number of wrong ones that
   * score as high or higher. Wrong ones come first among equals, as in the reference. The mean over
   * prompts is MRR.
   *
   * @param right scores of the right responses, one or more
   * @param wrong scores of the wrong ones, one or more
   */
  public static double reciprocalRank(double[] right, double[] wrong) {
    check(right, wrong);
    double bestRight = Arrays.stream(right).max().orElseThrow();
    return 1.0 / (1 + Arrays.stream(wrong).filter(score -> score >= bestRight).count());
  }

  private static void check(double[] right, double[] wrong) {
    Checks.requireSome("right response", right.length);
    Checks.requireSome("wrong response", wrong.length);
    Checks.requireScores("score of right response", right);
    Checks.requireScores("score of wrong response", wrong);
  }
}
