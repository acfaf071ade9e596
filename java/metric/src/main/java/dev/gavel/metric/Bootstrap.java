package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;

/**
 * Percentile bootstrap (Efron 1979): the statistic of many samples of the items, drawn with
 * replacement, and the range in which the middle of them lies. For statistics that are no
 * proportion, such as a correlation or a mean over subsets. Percentiles are interpolated as numpy
 * does by default.
 *
 * @param resamples how many samples, 1 or more; 1000 is common
 * @param confidence more than 0, less than 1
 */
public record Bootstrap(int resamples, double confidence) {
  /** Checks both numbers. */
  public Bootstrap {
    if (resamples < 1 || !(confidence > 0 && confidence < 1)) {
      throw new InvalidArgumentException(
          "%s, confidence %s; there must be 1 or more, and confidence between 0 and 1"
              .formatted(Counted.of(resamples, "sample"), confidence));
    }
  }

  /**
   * Interval of any statistic.
   *
   * @param items how many there are, 1 or more
   * @param statistic of the items with these numbers, which repeat; finite
   * @param random where chance comes from: its 64-bit numbers only, so that the same ones give the
   *     same interval
   * @throws InvalidArgumentException if there is no item, or the statistic of a sample is not
   *     finite
   */
  public Interval interval(int items, ToDoubleFunction<int[]> statistic, RandomGenerator random) {
    Checks.requireSome("item", items);
    double[] values = new double[resamples];
    for (int s = 0; s < resamples; s++) {
      int[] drawn = new int[items];
      Arrays.setAll(drawn, _ -> (int) Math.unsignedMultiplyHigh(random.nextLong(), items));
      values[s] = statistic.applyAsDouble(drawn);
      if (!Double.isFinite(values[s])) {
        throw new InvalidArgumentException(
            "the statistic of sample %d of %d, of %s, is %s; it must be finite for every sample"
                .formatted(s, resamples, Counted.of(items, "item"), values[s]));
      }
    }
    Arrays.sort(values);
    return new Interval(
        percentile(values, (1 - confidence) / 2), percentile(values, (1 + confidence) / 2));
  }

  private static double percentile(double[] sorted, double share) {
    double place = share * (sorted.length - 1);
    int below = (int) place;
    double low = sorted[below];
    double high = sorted[Math.min(below + 1, sorted.length - 1)];
    double part = place - below;
    double gap = high - low;
    return Double.isInfinite(gap) ? (1 - part) * low + part * high : low + part * gap;
  }

  /**
   * Interval of a mean.
   *
   * @param values finite, one or more
   * @param random where chance comes from
   */
  public Interval ofMean(double[] values, RandomGenerator random) {
    Checks.requireFinite("value", values);
    return interval(
        values.length,
        drawn -> Checks.mean(Arrays.stream(drawn).mapToDouble(i -> values[i]).toArray()),
        random);
  }
}
