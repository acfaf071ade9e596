package dev.gavel.papers;

import dev.gavel.aggregation.Advantage;
import dev.gavel.aggregation.Divisor;

/** What several papers here have in common. */
final class Papers {
  private Papers() {}

  /** Group-relative advantages as verl computes them. */
  static Advantage grpo() {
    return Advantage.grpo(
        Divisor.N_MINUS_ONE,
        1e-6,
        Advantage.EpsilonPlace.BESIDE_DEVIATION,
        Advantage.GroupOfOne.REWARD);
  }

  /** The same written out. */
  static double[] grpoWrittenOut(double... rewards) {
    double mean = 0;
    for (double reward : rewards) {
      mean += reward / rewards.length;
    }
    double square = 0;
    for (double reward : rewards) {
      square += (reward - mean) * (reward - mean) / (rewards.length - 1);
    }
    double[] advantages = new double[rewards.length];
    for (int i = 0; i < rewards.length; i++) {
      advantages[i] = (rewards[i] - mean) / (Math.sqrt(square) + 1e-6);
    }
    return advantages;
  }
}
