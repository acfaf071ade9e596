package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;

/**
 * Numbers per pair or item that go into a loss as its beta or weight; no gradient flows through
 * them.
 */
public final class PairWeights {
  private static final double LEAST_BETA = 1e-3;

  private PairWeights() {}

  /**
   * Dynamic reward scaling (MM-RLHF, arXiv 2502.10391): β₀ (1 + w (1 - exp(-k margin))), a beta for
   * Bradley-Terry. The published formula; the public trainer has another, {@link #precomputedBeta}.
   *
   * @param base β₀, more than 0
   * @param weight w, 0 or more
   * @param rate k, 0 or more
   * @param margin score of the preferred response less the other's, by another reward model;
   *     finite, 0 or more
   */
  public static double dynamicBeta(double base, double weight, double rate, double margin) {
    Numbers.requirePositive("base beta", base);
    Numbers.requireNotNegative("weight", weight);
    Numbers.requireNotNegative("rate", rate);
    Numbers.requireNotNegative("margin", margin);
    return base * (1 + weight * -Math.expm1(-rate * margin));
  }

  /**
   * The beta of a pair in MM-RLHF's public trainer, which is not the published formula: β₀ (1 + w
   * f), at least 0.001, with f read from the data file. (Its other branch draws a random part of
   * the batch for one beta of all pairs, and is not here.)
   *
   * @param base β₀, more than 0
   * @param weight w, 0 or more
   * @param factor f, finite
   */
  public static double precomputedBeta(double base, double weight, double factor) {
    Numbers.requirePositive("base beta", base);
    Numbers.requireNotNegative("weight", weight);
    Numbers.requireFinite("factor", factor);
    return Math.max(base * (1 + weight * factor), LEAST_BETA);
  }

  /**
   * Uncertainty weight (Ctrl-U): exp(-uncertainty); the loss is weight × loss + λ uncertainty.
   *
   * @param uncertainty distance of two predictions for the same item, 0 or more
   */
  public static double certainty(double uncertainty) {
    Numbers.requireNotNegative("uncertainty", uncertainty);
    return Math.exp(-uncertainty);
  }

  /**
   * Advantage-weighted regression (Pretraining Language Models with Human Preferences, arXiv
   * 2302.08582): min(exp(advantage / β), most).
   *
   * @param advantage finite
   * @param beta β, more than 0
   * @param most largest weight, more than 0
   */
  public static double advantageWeighted(double advantage, double beta, double most) {
    Numbers.requireFinite("advantage", advantage);
    Numbers.requirePositive("beta", beta);
    Numbers.requirePositive("largest weight", most);
    return Math.min(Math.exp(advantage / beta), most);
  }

  /**
   * Pairs that the other of two models trusts (Collaborative Reward Modeling): those with its least
   * losses, the first of equals.
   *
   * @param share of the pairs to keep, 0 to 1, rounded up
   * @param otherLosses loss of every pair under the other model, finite
   * @return true where to keep
   * @throws InvalidArgumentException if the share is not between 0 and 1, or a loss not finite
   */
  public static boolean[] smallLoss(double share, double... otherLosses) {
    if (!(share >= 0 && share <= 1)) {
      throw new InvalidArgumentException(
          "share %s of the pairs to keep; it must be between 0 and 1".formatted(share));
    }
    Numbers.requireFinite("loss", otherLosses);
    boolean[] keep = new boolean[otherLosses.length];
    // Of the share as it is written: 0.55 * 100 in floating point is more than 55.
    int count =
        BigDecimal.valueOf(share)
            .multiply(BigDecimal.valueOf(otherLosses.length))
            .setScale(0, RoundingMode.CEILING)
            .intValueExact();
    if (count > 0) {
      double[] gains = Arrays.stream(otherLosses).map(loss -> -loss).toArray();
      Selection.topK(count, gains).forEach(i -> keep[i] = true);
    }
    return keep;
  }
}
