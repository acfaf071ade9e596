package dev.gavel.aggregation;

import java.util.Arrays;

/**
 * How likely each response is to be drawn again, by its score. POW, MAX_MIN and MAX_RANDOM are the
 * policy filtration of PF-PPO (arXiv 2409.06957; verl {@code compute_pf_ppo_reweight_data}),
 * SOFTMAX is that of particle methods (PRISM). Weights are 0 or more and need not add up to 1.
 */
public sealed interface SamplingWeights {
  /**
   * |score|^power.
   *
   * @param power 0 or more; verl has 2
   */
  static SamplingWeights pow(double power) {
    return new Pow(power);
  }

  /** 1 for all responses with the highest or the lowest score, 0 for the others. */
  static SamplingWeights maxMin() {
    return new MaxMin();
  }

  /**
   * More for all responses with the highest score than for the others.
   *
   * @param best weight of the highest; verl has 0.4
   * @param other weight of every other; verl has 0.1
   */
  static SamplingWeights maxRandom(double best, double other) {
    return new MaxRandom(best, other);
  }

  /**
   * exp(score / T), over their sum.
   *
   * @param temperature T, more than 0
   */
  static SamplingWeights softmax(double temperature) {
    return new Softmax(temperature);
  }

  /**
   * Weights.
   *
   * @param scores one per response, finite, one or more
   */
  double[] of(double... scores);

  /**
   * A power of the size.
   *
   * @param power 0 or more
   */
  record Pow(double power) implements SamplingWeights {
    /** Checks the power. */
    public Pow {
      Numbers.requireNotNegative("power", power);
    }

    @Override
    public double[] of(double... scores) {
      check(scores);
      return Arrays.stream(scores).map(score -> Math.pow(Math.abs(score), power)).toArray();
    }
  }

  /** Both ends. */
  record MaxMin() implements SamplingWeights {
    @Override
    public double[] of(double... scores) {
      check(scores);
      double most = Arrays.stream(scores).max().orElseThrow();
      double least = Arrays.stream(scores).min().orElseThrow();
      return Arrays.stream(scores).map(score -> score == most || score == least ? 1 : 0).toArray();
    }
  }

  /**
   * The best and any other.
   *
   * @param best weight of the highest
   * @param other weight of every other
   */
  record MaxRandom(double best, double other) implements SamplingWeights {
    /** Checks both weights. */
    public MaxRandom {
      Numbers.requireNotNegative("weight of the best", best);
      Numbers.requireNotNegative("weight of others", other);
    }

    @Override
    public double[] of(double... scores) {
      check(scores);
      double most = Arrays.stream(scores).max().orElseThrow();
      return Arrays.stream(scores).map(score -> score == most ? best : other).toArray();
    }
  }

  /**
   * Shares by exponentials.
   *
   * @param temperature T, more than 0
   */
  record Softmax(double temperature) implements SamplingWeights {
    /** Checks the temperature. */
    public Softmax {
      Numbers.requirePositive("temperature", temperature);
    }

    @Override
    public double[] of(double... scores) {
      check(scores);
      return Numbers.softmax(temperature, scores);
    }
  }

  private static void check(double... scores) {
    Numbers.requireSome("score", scores.length);
    Numbers.requireFinite("score", scores);
  }
}
