package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;

/**
 * The range rewards are brought into before training (OpenRLHF clamps to -10 to 10).
 *
 * @param low least, finite
 * @param high most, finite, low or more
 */
public record RewardRange(double low, double high) {
  /** Checks the range. */
  public RewardRange {
    Numbers.requireFinite("end of the range", low, high);
    if (low > high) {
      throw new InvalidArgumentException(
          "range %s to %s; the first must not be more than the second".formatted(low, high));
    }
    // 0 and -0 are one end; Math.clamp refuses a range from 0 to -0.
    low += 0.0;
    high += 0.0;
  }

  /** Clamps; -infinity, the score of a response without a token, becomes the least. */
  public double[] clamp(double... rewards) {
    Numbers.requireScores("reward", rewards);
    return Arrays.stream(rewards).map(reward -> Math.clamp(reward, low, high)).toArray();
  }

  /** The most where the reward is the threshold or more, else the least (Cooper: 0 and 1, 0.5). */
  public double[] binarise(double threshold, double... rewards) {
    Numbers.requireFinite("threshold", threshold);
    Numbers.requireScores("reward", rewards);
    return Arrays.stream(rewards).map(reward -> reward >= threshold ? high : low).toArray();
  }
}
