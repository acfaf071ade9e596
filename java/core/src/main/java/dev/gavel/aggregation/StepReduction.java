package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * How probabilities that single steps are right become one score of the response (process reward
 * models).
 *
 * <p>MIN, PRODUCT and LAST are those of search-and-learn, MIN and LAST of openr, MIN, SUM and MEAN
 * of ImplicitPRM, MEAN of SPARE; RewardMATH (arXiv 2410.01729) has all but SUM.
 *
 * <p>From logits z, with p = 1 / (1 + exp(-z)), everything is computed from log p = -log(1 +
 * exp(-z)), so that neither a long product nor a certain step loses its digits. {@link
 * #logOfLogits} gives the logarithm of the reduction, which ranks responses just the same and does
 * not underflow. Probabilities of f32 are 6e-8 apart near 1 and exactly 1 from a logit of 17 on:
 * where a reduction {@linkplain #needsLogits needs logits}, it is not to be taken from them.
 *
 * <p>A response without a step has no score: empty, not -1 as in openr.
 */
public enum StepReduction {
  /** The least probability. */
  MIN,
  /** The greatest probability. */
  MAX,
  /** The product: probability that all are right, were they independent. */
  PRODUCT,
  /** The last probability. */
  LAST,
  /** The arithmetic mean. */
  MEAN,
  /** The sum: grows with the number of steps. */
  SUM,
  /** exp of the mean of log p: a product that does not shrink with the number of steps. */
  GEOMETRIC_MEAN,
  /** 1 / (1 + exp(-m)) with m the mean of log(p / (1 - p)). */
  MEAN_LOGIT,
  /** The mean of p / (1 - p); 0 or more, not a probability. */
  MEAN_ODDS;

  /**
   * Whether it is made of logits or odds, which a probability that was rounded near 1 has lost: a
   * probability of f32 has odds 4 % wrong at logit 14, and infinite ones above 17.
   */
  public boolean needsLogits() {
    return this == MEAN_LOGIT || this == MEAN_ODDS;
  }

  /**
   * Whether logits have a reduction: none is NaN, and MEAN_LOGIT does not meet both infinities,
   * which cancel to nothing defined.
   *
   * @param logits of each step
   */
  public boolean isDefined(double... logits) {
    boolean opposite =
        this == MEAN_LOGIT
            && Arrays.stream(logits).anyMatch(z -> z == Double.NEGATIVE_INFINITY)
            && Arrays.stream(logits).anyMatch(z -> z == Double.POSITIVE_INFINITY);
    return !opposite && Arrays.stream(logits).noneMatch(Double::isNaN);
  }

  /**
   * Reduces probabilities.
   *
   * @param probabilities of each step, 0 to 1
   * @return empty without a step
   * @throws InvalidArgumentException if one is not between 0 and 1, or their logits, infinite at 0
   *     and 1, have {@linkplain #isDefined no reduction}
   */
  public OptionalDouble ofProbabilities(double... probabilities) {
    for (int i = 0; i < probabilities.length; i++) {
      if (!(probabilities[i] >= 0 && probabilities[i] <= 1)) {
        throw new InvalidArgumentException(
            "probability of step %d of %d is %s; it must be between 0 and 1: give logits to ofLogits"
                .formatted(i, probabilities.length, probabilities[i]));
      }
    }
    if (probabilities.length == 0) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(
        switch (this) {
          case MIN -> Arrays.stream(probabilities).min().orElseThrow();
          case MAX -> Arrays.stream(probabilities).max().orElseThrow();
          case PRODUCT -> Arrays.stream(probabilities).reduce(1, (a, b) -> a * b);
          case LAST -> probabilities[probabilities.length - 1];
          case MEAN -> Numbers.mean(probabilities);
          case SUM -> Numbers.sum(probabilities);
          case GEOMETRIC_MEAN ->
              Math.exp(Numbers.mean(Arrays.stream(probabilities).map(Math::log).toArray()));
          case MEAN_LOGIT ->
              Numbers.sigmoid(
                  meanLogit(
                      Arrays.stream(probabilities)
                          .map(p -> Math.log(p) - Math.log1p(-p))
                          .toArray()));
          case MEAN_ODDS ->
              Numbers.mean(Arrays.stream(probabilities).map(p -> p / (1 - p)).toArray());
        });
  }

  /**
   * Reduces the probabilities of logits; for two classes z is the logit of the right one less the
   * other.
   *
   * @param logits of each step, not NaN
   * @return empty without a step
   * @throws InvalidArgumentException if they have {@linkplain #isDefined no reduction}
   */
  public OptionalDouble ofLogits(double... logits) {
    OptionalDouble logarithm = logOfLogits(logits);
    return logarithm.isEmpty() ? logarithm : OptionalDouble.of(Math.exp(logarithm.getAsDouble()));
  }

  /**
   * Logarithm of {@link #ofLogits}: of PRODUCT the sum of log p.
   *
   * @param logits of each step, not NaN
   * @return empty without a step
   * @throws InvalidArgumentException if they have {@linkplain #isDefined no reduction}
   */
  public OptionalDouble logOfLogits(double... logits) {
    for (int i = 0; i < logits.length; i++) {
      if (Double.isNaN(logits[i])) {
        throw new InvalidArgumentException(
            "logit of step %d of %d is NaN; it must be a number".formatted(i, logits.length));
      }
    }
    if (logits.length == 0) {
      return OptionalDouble.empty();
    }
    double[] logs = Arrays.stream(logits).map(StepReduction::logSigmoid).toArray();
    return OptionalDouble.of(
        switch (this) {
          case MIN -> Arrays.stream(logs).min().orElseThrow();
          case MAX -> Arrays.stream(logs).max().orElseThrow();
          case PRODUCT -> Numbers.sum(logs);
          case LAST -> logs[logs.length - 1];
          case MEAN -> Numbers.logSumExp(logs) - Math.log(logs.length);
          case SUM -> Numbers.logSumExp(logs);
          case GEOMETRIC_MEAN -> Numbers.mean(logs);
          case MEAN_LOGIT -> logSigmoid(meanLogit(logits));
          case MEAN_ODDS -> Numbers.logSumExp(logits) - Math.log(logits.length);
        });
  }

  private static double logSigmoid(double logit) {
    return -Numbers.softplus(-logit);
  }

  private static double meanLogit(double... logits) {
    if (!MEAN_LOGIT.isDefined(logits)) {
      throw new InvalidArgumentException(
          "the mean of logits is not defined: one step has probability 0 and another 1; use another"
              + " reduction");
    }
    return Numbers.mean(logits);
  }
}
