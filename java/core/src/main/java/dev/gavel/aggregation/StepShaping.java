package dev.gavel.aggregation;

import java.util.Arrays;

/**
 * Rewards of steps, reshaped so that more steps do not mean more reward (On Designing Effective RL
 * Reward at Training Time for LLM Reasoning, arXiv 2410.15115).
 */
public final class StepShaping {
  private StepShaping() {}

  /**
   * Clip: min(r_k - η, 0), so never above 0.
   *
   * @param eta η, finite
   * @param rewards of the steps, finite
   */
  public static double[] clip(double eta, double... rewards) {
    Numbers.requireFinite("eta", eta);
    Numbers.requireFinite("reward of step", rewards);
    return Arrays.stream(rewards).map(reward -> Math.min(reward - eta, 0)).toArray();
  }

  /**
   * Delta: r_k - r_(k+1) for the steps before the last but one, r_(K-1) for that, 0 for the last,
   * which is the one that gives the final answer. The sum is the first step's reward; of a single
   * step it is 0.
   *
   * @param rewards of the steps, finite
   */
  public static double[] delta(double... rewards) {
    Numbers.requireFinite("reward of step", rewards);
    double[] shaped = new double[rewards.length];
    for (int k = 0; k < rewards.length - 1; k++) {
      shaped[k] = k == rewards.length - 2 ? rewards[k] : rewards[k] - rewards[k + 1];
    }
    return shaped;
  }
}
