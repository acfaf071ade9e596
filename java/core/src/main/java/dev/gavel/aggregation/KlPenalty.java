package dev.gavel.aggregation;

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
      case K3 -> k3(d);
      case K3_CLAMPED -> {
        yield Math.min(k3(Math.clamp(d, -20, 20)), 10);
      }
    };
  }

  // Where d is small exp(-d) - 1 and d cancel, which leaves noise of either sign: Σ (-d)^k / k!.
  private static double k3(double d) {
    if (Math.abs(d) > 0.1) {
      double exponential = Math.expm1(-d);
      // Infinite beside a difference that may be so, too.
      return Double.isInfinite(exponential) ? exponential : exponential + d;
    }
    double term = 1;
    for (int k = 11; k >= 3; k--) {
      term = 1 - d / k * term;
    }
    return d * d / 2 * term;
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
    for (int t = 0; t < rewards.length; t++) {
      double estimate = of(logProbabilities[t], referenceLogProbabilities[t]);
      // Without a weight an infinite estimate would leave NaN.
      rewards[t] = beta == 0 ? 0 : -beta * estimate;
    }
    rewards[rewards.length - 1] += score;
    return rewards;
  }
}
