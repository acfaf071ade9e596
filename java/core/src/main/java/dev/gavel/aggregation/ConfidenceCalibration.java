package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.List;
import java.util.stream.IntStream;

/**
 * PPO-C (Taming Overconfidence in LLMs, arXiv 2410.09724): rewards are corrected by how confident
 * the response says it is. Each batch first moves the running mean, m ← α mean(r) + (1 - α) m,
 * then:
 *
 * <ul>
 *   <li>THRESHOLD: r ± w |r| (confidence - 1/2), + where r &gt;= m, - below;
 *   <li>DIFFERENCE: r + w (r - m) (confidence - 1/2).
 * </ul>
 *
 * <p>The code clamps rewards to -10 to 10 before ({@link RewardRange}), with α = 0.1, w = 0.5 and a
 * first m of 0. Immutable: a batch gives the state for the next.
 *
 * @param adjustment which of the two
 * @param weight w, 0 or more
 * @param rate α, 0 to 1
 * @param runningMean m before the next batch
 */
public record ConfidenceCalibration(
    Adjustment adjustment, double weight, double rate, double runningMean) {

  /** How confidence enters. */
  public enum Adjustment {
    /** By the size of the reward, up or down at the running mean. */
    THRESHOLD,
    /** By the distance from the running mean. */
    DIFFERENCE
  }

  /**
   * Corrected rewards and the state after their batch.
   *
   * @param rewards one per response
   * @param next for the next batch
   */
  public record Batch(List<Double> rewards, ConfidenceCalibration next) {
    /** Takes a copy. */
    public Batch {
      rewards = List.copyOf(rewards);
    }
  }

  /** Checks the numbers. */
  public ConfidenceCalibration {
    Numbers.requireNotNegative("weight", weight);
    Numbers.requireFinite("running mean", runningMean);
    if (!(rate >= 0 && rate <= 1)) {
      throw new InvalidArgumentException(
          "rate %s of the running mean; it must be between 0 and 1".formatted(rate));
    }
  }

  /**
   * Corrects a batch.
   *
   * @param rewards one per response, finite, one or more
   * @param confidences one per response, 0 to 1 (a verbal 0 to 10 over 10; 0.5 where none was said)
   * @throws InvalidArgumentException if there is no reward, not one confidence for each, a reward
   *     that is not finite, or a confidence that is not between 0 and 1
   */
  public Batch of(double[] rewards, double[] confidences) {
    Numbers.requireSome("reward", rewards.length);
    Numbers.requireFinite("reward", rewards);
    Numbers.requireSameLength("rewards", rewards.length, "confidences", confidences.length);
    for (int i = 0; i < confidences.length; i++) {
      if (!(confidences[i] >= 0 && confidences[i] <= 1)) {
        throw new InvalidArgumentException(
            "confidences: number %d of %d is %s; each must be between 0 and 1"
                .formatted(i, confidences.length, confidences[i]));
      }
    }
    double mean = rate * Numbers.mean(rewards) + (1 - rate) * runningMean;
    List<Double> corrected =
        IntStream.range(0, rewards.length)
            .mapToObj(i -> corrected(rewards[i], confidences[i] - 0.5, mean))
            .toList();
    return new Batch(corrected, new ConfidenceCalibration(adjustment, weight, rate, mean));
  }

  private double corrected(double reward, double confidence, double mean) {
    return switch (adjustment) {
      case THRESHOLD -> {
        double change = weight * confidence * Math.abs(reward);
        yield reward >= mean ? reward + change : reward - change;
      }
      case DIFFERENCE -> reward + 2 * (weight * confidence * (reward / 2 - mean / 2));
    };
  }
}
