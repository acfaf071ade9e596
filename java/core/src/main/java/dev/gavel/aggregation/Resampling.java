package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Draws responses with replacement, each as often as its share of the weights on average. A
 * response of weight 0 is never drawn. Only 64-bit numbers of the generator are used: the same ones
 * give the same draws.
 */
public enum Resampling {
  /** Every draw for itself. */
  MULTINOMIAL,
  /**
   * One random number for all draws, at even distances: each response is drawn the whole number
   * just below or just above its share of the draws (Kitagawa 1996).
   */
  SYSTEMATIC;

  /**
   * Draws.
   *
   * @param count how many, 0 or more
   * @param weights one per response, finite, 0 or more, not all 0; see {@link SamplingWeights}
   * @param random where chance comes from
   * @return numbers of responses; in order for {@link #SYSTEMATIC}
   * @throws InvalidArgumentException if the count is negative, or the weights are not as above
   */
  public int[] draw(int count, double[] weights, RandomGenerator random) {
    if (count < 0) {
      throw new InvalidArgumentException("%d draws; it must be 0 or more".formatted(count));
    }
    Numbers.requireSome("weight", weights.length);
    double[] running = weights.clone();
    for (int i = 0; i < weights.length; i++) {
      if (!(weights[i] >= 0 && weights[i] < Double.POSITIVE_INFINITY)) {
        Numbers.requireNotNegative("weight %d".formatted(i), weights[i]);
      }
      running[i] += i == 0 ? 0 : running[i - 1];
    }
    double total = running[running.length - 1];
    if (!(total > 0 && total < Double.POSITIVE_INFINITY)) {
      throw new InvalidArgumentException(
          "weights add up to %s; at least one of %d must be more than 0, and the sum finite"
              .formatted(total, weights.length));
    }
    if (total < 0x1p-800) {
      // A point between subnormal sums would be rounded to one of few; a power of two is exact.
      Arrays.setAll(running, i -> running[i] * 0x1p200);
    }
    double whole = running[running.length - 1];
    int last = Draws.lastWithWeight(running);
    double[] points = new double[count];
    double offset = this == SYSTEMATIC ? Draws.share(random) : 0;
    for (int k = 0; k < count; k++) {
      points[k] = this == SYSTEMATIC ? (k + offset) / count : Draws.share(random);
    }
    return Arrays.stream(points)
        .mapToInt(point -> Draws.at(running, last, point * whole))
        .toArray();
  }
}
