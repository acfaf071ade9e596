package dev.gavel.metric;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What best-of-N would gain: from M responses of a prompt with a reward and a true value each, the
 * mean true value of the response with the highest reward over all sets of N of them. Unbiased,
 * with all M used for every N: with responses sorted by reward, lowest first,
 *
 * <pre>Σ_i C(i, N - 1) / C(M, N) value_(i),   i from 0</pre>
 *
 * <p>(WebGPT, arXiv 2112.09332, appendix I). N = 1 gives the mean, N = M the value of the highest
 * reward.
 */
public enum BestOfNCurve {
  /** Of equal rewards the response that comes first is taken: best-of-N with a first-index rule. */
  FIRST_OF_EQUALS,
  /** Equal rewards share: each is as likely to be taken, whatever their order. */
  MEAN_OF_EQUALS;

  /**
   * The curve of a prompt.
   *
   * @param rewards what the choice goes by, one or more
   * @param values what it is worth, finite, as many; 0 and 1 for wrong and right
   * @return M numbers, for N = 1 to M
   */
  public double[] of(double[] rewards, double[] values) {
    Checks.requireSameLength("rewards", rewards.length, "values", values.length);
    Checks.requireSome("response", rewards.length);
    Checks.requireScores("reward", rewards);
    Checks.requireFinite("value", values);
    int count = rewards.length;
    double[] sorted = sorted(rewards, values);
    double[] curve = new double[count];
    for (int n = 1; n <= count; n++) {
      // C(M - 1, N - 1) / C(M, N) = N / M, and C(i - 1, N - 1) / C(i, N - 1) = (i - N + 1) / i.
      double weight = (double) n / count;
      for (int i = count - 1; i >= n - 1; i--) {
        curve[n - 1] += weight * sorted[i];
        weight *= i == 0 ? 0 : (double) (i - n + 1) / i;
      }
    }
    return curve;
  }

  /**
   * The mean of the curves of several prompts, as long as the shortest.
   *
   * @param curves one or more
   */
  public static double[] mean(double[]... curves) {
    Checks.requireSome("curve", curves.length);
    for (double[] curve : curves) {
      Checks.requireFinite("value of the curve", curve);
    }
    int length = Arrays.stream(curves).mapToInt(curve -> curve.length).min().orElseThrow();
    double[] mean = new double[length];
    Arrays.setAll(
        mean, n -> Checks.mean(Arrays.stream(curves).mapToDouble(curve -> curve[n]).toArray()));
    return mean;
  }

  /** Values by rising reward. */
  private double[] sorted(double[] rewards, double[] values) {
    Comparator<Integer> byReward = Comparator.comparingDouble(i -> rewards[i] + 0.0);
    int[] order =
        IntStream.range(0, rewards.length)
            .boxed()
            .sorted(byReward.thenComparing(Comparator.reverseOrder()))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] sorted = Arrays.stream(order).mapToDouble(i -> values[i]).toArray();
    if (this == MEAN_OF_EQUALS) {
      int from = 0;
      for (int to = 1; to <= order.length; to++) {
        if (to == order.length || rewards[order[to]] != rewards[order[from]]) {
          // In the order of the values, so that that of the responses does not show.
          double mean = Checks.mean(Arrays.stream(sorted, from, to).sorted().toArray());
          Arrays.fill(sorted, from, to, mean);
          from = to;
        }
      }
    }
    return sorted;
  }
}
