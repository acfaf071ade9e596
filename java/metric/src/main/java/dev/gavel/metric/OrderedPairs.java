package dev.gavel.metric;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Pairs of responses with different labels, counted by how their scores stand.
 *
 * @param right the score of the higher label is higher
 * @param tied the scores are equal
 * @param all those with a NaN and those in the wrong order, too
 */
record OrderedPairs(long right, long tied, long all) {
  /**
   * Counts in n log n steps: from the lowest label up, each score is compared with counts of those
   * below its label.
   *
   * @param scores -0 equals 0; NaN is neither higher than anything nor equal to it
   * @param labels as many; not NaN
   */
  static OrderedPairs of(float[] scores, double[] labels) {
    int n = scores.length;
    // 0 is added because -0 is 0 here, while sorting and searching tell them apart.
    double[] places =
        IntStream.range(0, n).mapToDouble(i -> scores[i] + 0.0).distinct().sorted().toArray();
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> labels[i] + 0.0))
            .mapToInt(Integer::intValue)
            .toArray();
    // A tree of counts (Fenwick 1994): entry p counts the places from p - (p & -p) + 1 to p.
    int[] counts = new int[places.length + 1];
    int below = 0;
    long right = 0;
    long tied = 0;
    long all = 0;
    for (int item : order) {
      for (; labels[order[below]] < labels[item]; below++) {
        float score = scores[order[below]];
        for (int p = place(places, score); !Float.isNaN(score) && p < counts.length; p += p & -p) {
          counts[p]++;
        }
      }
      all += below;
      if (!Float.isNaN(scores[item])) {
        int place = place(places, scores[item]);
        int lower = upTo(counts, place - 1);
        right += lower;
        tied += upTo(counts, place) - lower;
      }
    }
    return new OrderedPairs(right, tied, all);
  }

  /** From 1 on. */
  private static int place(double[] places, float score) {
    return Arrays.binarySearch(places, score + 0.0) + 1;
  }

  private static int upTo(int[] counts, int place) {
    int count = 0;
    for (int p = place; p > 0; p -= p & -p) {
      count += counts[p];
    }
    return count;
  }
}
