package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Advantages that need more than one group: a common scale for a batch, and which responses or
 * groups to learn from.
 */
public final class BatchAdvantage {
  private BatchAdvantage() {}

  /**
   * Rewards less the mean of their group, over the scale of the whole batch (TRL's GRPO with {@code
   * scale_rewards="batch"}, arXiv 2508.08221; with the {@link Advantage.Scale} {@code none} it is
   * Dr. GRPO).
   *
   * @param groups which rewards are of one prompt
   * @param rewards of the batch, finite
   * @param scale of all rewards of the batch
   * @param groupOfOne what a group of one gets, before the scale
   */
  public static double[] scaledByBatch(
      Groups groups, double[] rewards, Advantage.Scale scale, Advantage.GroupOfOne groupOfOne) {
    double[] centred = groups.map(Advantage.drGrpo(groupOfOne)::of, rewards);
    double divisor = scale.of(rewards);
    return Arrays.stream(centred).map(gap -> gap == 0 ? 0 : gap / divisor).toArray();
  }

  /**
   * REINFORCE++ with a group baseline (arXiv 2501.03262): rewards less the mean of their group,
   * then less the mean and over the scale of all such differences. Each response counts once; verl
   * whitens over tokens, so counts it once per token.
   *
   * @param groups which rewards are of one prompt
   * @param rewards of the batch, finite
   * @param scale of all differences of the batch
   * @param groupOfOne what a group of one gets, before whitening
   */
  public static double[] whitened(
      Groups groups, double[] rewards, Advantage.Scale scale, Advantage.GroupOfOne groupOfOne) {
    double[] centred = groups.map(Advantage.drGrpo(groupOfOne)::of, rewards);
    Numbers.requireSome("reward", centred.length);
    double mean = Numbers.mean(centred);
    double divisor = scale.of(centred);
    return Arrays.stream(centred)
        .map(value -> value - mean)
        .map(gap -> gap == 0 ? 0 : gap / divisor)
        .toArray();
  }

  /**
   * StableReinforce (R1-Reward, arXiv 2505.02835): which advantages, once standardised over the
   * batch, are within the threshold.
   *
   * @param threshold most standard deviations, 0 or more; the paper's rule of three sigma is 3
   * @param divisor of the variance
   * @param advantages of the batch, finite
   * @return true where to keep; all where all are the same
   */
  public static boolean[] withinDeviations(
      double threshold, Divisor divisor, double... advantages) {
    Numbers.requireNotNegative("threshold", threshold);
    double deviation = divisor.standardDeviation(advantages);
    double mean = Numbers.mean(advantages);
    boolean[] keep = new boolean[advantages.length];
    for (int i = 0; i < keep.length; i++) {
      keep[i] = Math.abs(advantages[i] - mean) <= threshold * deviation;
    }
    return keep;
  }

  /**
   * The ratio of two policies from their log-probabilities, whose difference is clamped before the
   * exponential (StableReinforce: at ln 1000 either way), so that it neither overflows nor is 0.
   *
   * @param limit largest ratio, and one over the least; 1 or more
   * @param logProbability under the new policy
   * @param oldLogProbability under the old one
   * @throws InvalidArgumentException if a number is not finite, or the limit less than 1
   */
  public static double clampedRatio(double limit, double logProbability, double oldLogProbability) {
    Numbers.requireFinite("log-probability", logProbability, oldLogProbability);
    if (!(limit >= 1) || Double.isInfinite(limit)) {
      throw new InvalidArgumentException(
          "limit %s of a ratio; it must be finite and 1 or more".formatted(limit));
    }
    double log = Math.log(limit);
    // exp(log(limit)) may round to a little more than the limit.
    double ratio = Math.exp(Math.clamp(logProbability - oldLogProbability, -log, log));
    return Math.clamp(ratio, 1 / limit, limit);
  }

  /**
   * DAPO's dynamic sampling (arXiv 2503.14476): the groups whose rewards are not all the same. The
   * others have no gradient. 0 and -0 are the same reward.
   *
   * @return numbers of groups, in order
   */
  public static int[] informative(Groups groups, double... rewards) {
    groups.requireLength(rewards.length);
    Numbers.requireFinite("reward", rewards);
    return IntStream.range(0, groups.size())
        .filter(g ->
            Arrays.stream(groups.slice(g, rewards)).map(reward -> reward + 0.0).distinct().count()
                > 1)
        .toArray();
  }
}
