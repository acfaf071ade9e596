package dev.gavel.aggregation;

import java.util.Arrays;
import java.util.List;

/**
 * One score from the scores that several models give a response. MEAN, MIN and MEAN_MINUS_STD are
 * Mean, Worst and Uncertainty of RewardBench's analysis/run_ensemble_offline.py, which standardises
 * every model first ({@link Standardiser}); the plain mean is what BaseReward found good enough.
 */
public sealed interface Ensemble {
  /** The mean. */
  static Ensemble mean() {
    return new Mean();
  }

  /** The least: the worst case. */
  static Ensemble min() {
    return new Min();
  }

  /**
   * mean - k deviation: the less models agree, the lower.
   *
   * @param k 0 or more; RewardBench takes 1
   * @param divisor of the variance over models; RewardBench takes {@link Divisor#N}
   */
  static Ensemble meanMinusStd(double k, Divisor divisor) {
    return new MeanMinusStd(k, divisor);
  }

  /**
   * The sum of weight times score, with the weights as they are.
   *
   * @param weights one per model, finite
   */
  static Ensemble weightedSum(double... weights) {
    return new WeightedSum(Arrays.stream(weights).boxed().toList());
  }

  /**
   * Combines.
   *
   * @param scores one per model, finite
   */
  double of(double... scores);

  /**
   * Combines the scores of a group.
   *
   * @param models scores of all responses for every model, [models][responses]
   * @return one per response
   */
  default double[] ofGroup(double[][] models) {
    Numbers.requireSome("model", models.length);
    for (double[] model : models) {
      Numbers.requireSameLength(
          "scores of the first model", models[0].length, "scores of another", model.length);
    }
    double[] combined = new double[models[0].length];
    Arrays.setAll(
        combined, i -> of(Arrays.stream(models).mapToDouble(model -> model[i]).toArray()));
    return combined;
  }

  /** The mean. */
  record Mean() implements Ensemble {
    @Override
    public double of(double... scores) {
      check(scores);
      return Numbers.mean(scores);
    }
  }

  /** The least. */
  record Min() implements Ensemble {
    @Override
    public double of(double... scores) {
      check(scores);
      return Arrays.stream(scores).min().orElseThrow();
    }
  }

  /**
   * The mean less k deviations.
   *
   * @param k 0 or more
   * @param divisor of the variance over models
   */
  record MeanMinusStd(double k, Divisor divisor) implements Ensemble {
    /** Checks k. */
    public MeanMinusStd {
      Numbers.requireNotNegative("k", k);
    }

    @Override
    public double of(double... scores) {
      check(scores);
      return Numbers.mean(scores) - k * divisor.standardDeviation(scores);
    }
  }

  /**
   * A weighted sum.
   *
   * @param weights one per model
   */
  record WeightedSum(List<Double> weights) implements Ensemble {
    /** Takes a copy and checks it. */
    public WeightedSum {
      weights = List.copyOf(weights);
      Numbers.requireFinite("weight", weights.stream().mapToDouble(Double::doubleValue).toArray());
    }

    @Override
    public double of(double... scores) {
      check(scores);
      Numbers.requireSameLength("weights", weights.size(), "scores", scores.length);
      return Numbers.weightedSum(weights, scores, 0);
    }
  }

  private static void check(double... scores) {
    Numbers.requireSome("score", scores.length);
    Numbers.requireFinite("score of model", scores);
  }
}
