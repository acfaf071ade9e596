package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Which of many scores are of one prompt: group g is scores offsets[g] to offsets[g + 1] - 1, the
 * form in which losses take groups too. Immutable.
 */
public final class Groups {
  private final int[] offsets;

  private Groups(int[] offsets) {
    this.offsets = offsets;
  }

  /**
   * Groups by where they begin.
   *
   * @param offsets G + 1 numbers, from 0, not falling; the last is the number of scores
   * @throws InvalidArgumentException if they do not begin with 0, or fall
   */
  public static Groups ofOffsets(int... offsets) {
    boolean rises = IntStream.range(1, offsets.length).allMatch(g -> offsets[g - 1] <= offsets[g]);
    if (offsets.length < 1 || offsets[0] != 0 || !rises) {
      throw new InvalidArgumentException(
          "offsets of groups are %s; they must begin with 0 and not fall"
              .formatted(Arrays.toString(offsets)));
    }
    return new Groups(offsets.clone());
  }

  /**
   * Groups by how many scores each has, 0 or more.
   *
   * @throws InvalidArgumentException if a size is negative, or all are 2^31 or more together
   */
  public static Groups ofSizes(int... sizes) {
    int[] offsets = new int[sizes.length + 1];
    for (int g = 0; g < sizes.length; g++) {
      if (sizes[g] < 0 || sizes[g] > Integer.MAX_VALUE - offsets[g]) {
        throw new InvalidArgumentException(
            "group %d has %s after %d others; it must be 0 or more, and less than 2^31 together"
                .formatted(g, Counted.of(sizes[g], "score"), offsets[g]));
      }
      offsets[g + 1] = offsets[g] + sizes[g];
    }
    return new Groups(offsets);
  }

  /** G, the number of groups. */
  public int size() {
    return offsets.length - 1;
  }

  /** The scores of a group. */
  public double[] slice(int group, double... scores) {
    requireLength(scores.length);
    if (group < 0 || group >= size()) {
      throw new InvalidArgumentException(
          "group %d of %d; groups count from 0".formatted(group, size()));
    }
    return Arrays.copyOfRange(scores, offsets[group], offsets[group + 1]);
  }

  /**
   * Applies a function of a group, such as an {@link Advantage}, to all of them.
   *
   * @param function gives as many numbers as it gets; not called for empty groups
   * @param scores of all groups
   */
  public double[] map(UnaryOperator<double[]> function, double... scores) {
    requireLength(scores.length);
    double[] all = new double[scores.length];
    for (int g = 0; g < size(); g++) {
      int count = offsets[g + 1] - offsets[g];
      if (count > 0) {
        double[] some = function.apply(slice(g, scores));
        Numbers.requireSameLength("results", some.length, "scores of the group", count);
        System.arraycopy(some, 0, all, offsets[g], count);
      }
    }
    return all;
  }

  void requireLength(int scores) {
    if (scores != offsets[size()]) {
      throw new InvalidArgumentException(
          "%s for groups of %d; there must be as many"
              .formatted(Counted.of(scores, "score"), offsets[size()]));
    }
  }
}
