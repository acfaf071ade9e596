package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Wilson and bootstrap intervals. */
class ProportionTest {
  // Roots of (p - x)^2 = z^2 x (1 - x) / n, which define the interval: found by bisection.
  private static double root(double p, double n, double inside, double outside) {
    double z = 1.959963984540054;
    for (int i = 0; i < 200; i++) {
      double x = (inside + outside) / 2;
      if ((p - x) * (p - x) <= z * z * x * (1 - x) / n) {
        inside = x;
      } else {
        outside = x;
      }
    }
    return inside;
  }

  @Test
  void theIntervalSolvesWilsonsEquation() {
    for (long of : new long[] {1, 7, 237, 100_000}) {
      for (long count : new long[] {1, of / 3 + 1, of}) {
        Proportion share = new Proportion(count, of);
        double p = share.value();
        assertEquals(root(p, (double) of, p, 0), share.low(), 1e-9);
        assertEquals(root(p, (double) of, p, 1), share.high(), 1e-9);
      }
    }
    assertEquals("50.0 % (40.4 to 59.6)", new Proportion(50, 100).percent());
  }

  @Test
  void nothingIsNoProof() {
    Proportion none = new Proportion(0, 0);
    assertEquals(List.of(0.0, 0.0, 1.0), List.of(none.value(), none.low(), none.high()));
    assertEquals(0, new Proportion(0, 10).low());
    assertEquals(1, new Proportion(10, 10).high(), 1e-15);
  }

  @Test
  void otherConfidences() {
    // Wilson for 8 of 10 at 90 %: z = 1.6448536269514722, by the formula with its own z.
    double z = 1.6448536269514722;
    double center = (0.8 + z * z / 20) / (1 + z * z / 10);
    double half = z * Math.sqrt(0.16 / 10 + z * z / 400) / (1 + z * z / 10);
    Interval interval = new Proportion(8, 10).interval(0.9);
    assertEquals(center - half, interval.low(), 1e-9);
    assertEquals(center + half, interval.high(), 1e-9);
    refused("confidence", () -> new Proportion(1, 2).interval(1));
  }

  @Test
  void impossibleProportionsAreRefused() {
    refused("3 of 2", () -> new Proportion(3, 2));
    refused("-1 of 2", () -> new Proportion(-1, 2));
    refused("2^31", () -> new Proportion(0, 1L << 31));
  }

  /**
   * The bootstrap of a mean of zeros and ones has a binomial number of ones, whose quantiles are
   * known: of 100 fair ones, 2.5 % are at 40 or less and 97.5 % at 60 or less.
   */
  @Test
  void theBootstrapOfAShareIsBinomial() {
    double[] values = new double[100];
    Arrays.fill(values, 0, 50, 1);
    Interval interval = new Bootstrap(20_000, 0.95).ofMean(values, new SplittableRandom(1));
    assertEquals(0.40, interval.low(), 0.0101);
    assertEquals(0.60, interval.high(), 0.0101);
  }

  @Test
  void percentilesAreInterpolatedAsNumpyDoes() {
    // Samples 0, 1, 2, 3 in turn: the 25 % point is 0.75, the 75 % point 2.25.
    int[] next = {0};
    Interval interval = new Bootstrap(4, 0.5).interval(1, _ -> next[0]++, new SplittableRandom(1));
    assertEquals(new Interval(0.75, 2.25), interval);
  }

  @Test
  void theSameSeedGivesTheSameInterval() {
    double[] values = new SplittableRandom(2).doubles(30).toArray();
    Bootstrap bootstrap = new Bootstrap(200, 0.9);
    Interval interval = bootstrap.ofMean(values, new SplittableRandom(3));
    assertEquals(interval, bootstrap.ofMean(values, new SplittableRandom(3)));
    double mean = Arrays.stream(values).average().orElseThrow();
    assertTrue(interval.low() < mean && mean < interval.high());
    assertEquals(
        new Interval(7, 7), bootstrap.ofMean(new double[] {7, 7}, new SplittableRandom(3)));
  }

  @Test
  void whatCannotBeSampledIsRefused() {
    Bootstrap bootstrap = new Bootstrap(10, 0.9);
    refused("no item", () -> bootstrap.ofMean(new double[0], new SplittableRandom(1)));
    refused("finite", () -> bootstrap.ofMean(new double[] {Double.NaN}, new SplittableRandom(1)));
    refused("NaN", () -> bootstrap.interval(1, _ -> Double.NaN, new SplittableRandom(1)));
    refused("0 samples", () -> new Bootstrap(0, 0.9));
  }

  @Test
  void confidenceIsBetweenNothingAndCertainty() {
    for (double wrong : new double[] {0, 1, -1, 2, Double.NaN}) {
      refused("confidence", () -> new Bootstrap(10, wrong));
      refused("confidence", () -> new Proportion(1, 2).interval(wrong));
    }
    // One sample is its own interval.
    assertEquals(
        new Interval(4, 4), new Bootstrap(1, 0.5).interval(2, _ -> 4, new SplittableRandom(1)));
  }
}
