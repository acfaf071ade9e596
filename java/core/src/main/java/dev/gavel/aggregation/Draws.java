package dev.gavel.aggregation;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Random draws that use nothing of a generator but its 64-bit numbers, so that a generator that
 * gives the same numbers gives the same draws in every version of Java.
 */
final class Draws {
  private Draws() {}

  /** 0 to count - 1; off from even by less than count / 2^64. */
  static int below(int count, RandomGenerator random) {
    return (int) Math.unsignedMultiplyHigh(random.nextLong(), count);
  }

  /** 0 or more, less than 1, a multiple of 2^-53. */
  static double share(RandomGenerator random) {
    return (random.nextLong() >>> 11) * 0x1p-53;
  }

  /** Fisher and Yates. */
  static void shuffle(List<?> list, RandomGenerator random) {
    for (int i = list.size() - 1; i > 0; i--) {
      Collections.swap(list, i, below(i + 1, random));
    }
  }

  /**
   * The entry into whose part of the running sum a point falls; entries of weight 0 have none.
   *
   * @param last from {@link #lastWithWeight}
   */
  static int at(double[] runningSum, int last, double point) {
    int found = Arrays.binarySearch(runningSum, point);
    int entry = found >= 0 ? found + 1 : -found - 1;
    while (entry < runningSum.length && runningSum[entry] == point) {
      entry++;
    }
    return Math.min(entry, last);
  }

  /** The last entry with a weight: a point rounded up to the total must not fall behind it. */
  static int lastWithWeight(double[] runningSum) {
    int last = runningSum.length - 1;
    while (last > 0 && runningSum[last - 1] == runningSum[last]) {
      last--;
    }
    return last;
  }
}
