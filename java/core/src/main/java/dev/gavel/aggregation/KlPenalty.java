package dev.gavel.aggregation;

import java.util.Arrays;

/**
 * How far a policy is from its reference on tokens it sampled, with d = log π - log π_ref of a
 * token (J. Schulman, Approximating KL divergence, 2020; verl {@code kl_penalty}).
 */
public enum KlPenalty {
  /** d: unbiased, may be negative. */
  K1,
  /** |d|. */
  ABSOLUTE,
  /** d^2 / 2. */
  K2,
  /** exp(-d) - 1 + d: unbiased and never negative. */
  K3,
  /**
   * K3 of d clamped to -20 to 20, clamped to 10 at most: verl, so that one token cannot dominate.
   */
  K3_CLAMPED;

  /**
   * Estimate of a token.
   *
   * @param logProbability log π, finite
   * @param referenceLogProbability log π_ref, finite
   */
  public double of(double logProbability, double referenceLogProbability) {
    Numbers.requireFinite("log-probability", logProbability, referenceLogProbability);
    double d = logProbability - referenceLogProbability;
    return switch (this) {
      case K1 -> d;
      case ABSOLUTE -> Math.abs(d);
      case K2 -> 0.5 * d * d;
      case K3 -> Math.expm1(-d) + d;
      case K3_CLAMPED -> {
        double clamped = Math.clamp(d, -20, 20);
        yield Math.min(Math.expm1(-clamped) + clamped, 10);
      }
    };
  }

  /**
   * Rewards of tokens: - β estimate for each, and the score of the response on the last
   * (InstructGPT, arXiv 2203.02155; OpenRLHF, verl).
   *
   * @param beta β, 0 or more
   * @param score of the response, finite
   * @param logProbabilities log π of its tokens, one or more
   * @param referenceLogProbabilities log π_ref of its tokens
   */
  public double[] tokenRewards(
      double beta, double score, double[] logProbabilities, double[] referenceLogProbabilities) {
    Numbers.requireNotNegative("beta", beta);
    Numbers.requireFinite("score", score);
    Numbers.requireSome("token", logProbabilities.length);
    Numbers.requireSameLength(
        "log-probabilities",
        logProbabilities.length,
        "reference log-probabilities",
        referenceLogProbabilities.length);
    double[] rewards = new double[logProbabilities.length];
    Arrays.setAll(rewards, t -> -beta * of(logProbabilities[t], referenceLogProbabilities[t]));
    rewards[rewards.length - 1] += score;
    return rewards;
  }
}
