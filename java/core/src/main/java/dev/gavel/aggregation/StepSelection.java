package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.Arrays;

/**
 * How the probabilities of marked steps are taken from the two class probabilities of every token.
 */
public enum StepSelection {
  /** At the rows that are named. */
  BY_ROW,
  /**
   * By value, as the function that came with Fin-PRM does, and many users of Qwen2.5-Math-PRM: all
   * tokens but the named ones are set to 0, all values that are not 0 are lined up and paired
   * again. Where a class of a named token is exactly 0, as in f16 from a gap of 18 between logits,
   * pairs shift or do not come out even. For comparison with numbers obtained that way.
   */
  BY_NONZERO;

  /**
   * Probabilities that steps are right.
   *
   * @param classes probability of wrong and of right for every token, [T][2]
   * @param rows the marked tokens, in order
   * @return of each step; with {@link #BY_NONZERO} not always as many as rows
   * @throws InvalidArgumentException if a row is not one of the tokens, or the values that are not
   *     0 are odd in number
   */
  public double[] rightOf(double[][] classes, int... rows) {
    for (int row : rows) {
      if (row < 0 || row >= classes.length) {
        throw new InvalidArgumentException(
            "step at row %d of %s; rows count from 0"
                .formatted(row, Counted.of(classes.length, "token")));
      }
      if (classes[row].length != 2 || Double.isNaN(classes[row][0] + classes[row][1])) {
        throw new InvalidArgumentException(
            "class probabilities of row %d are %s; there must be two numbers, of wrong and of right"
                .formatted(row, Arrays.toString(classes[row])));
      }
    }
    if (this == BY_ROW) {
      return Arrays.stream(rows).mapToDouble(row -> classes[row][1]).toArray();
    }
    double[] left =
        Arrays.stream(rows)
            .sorted()
            .distinct()
            .boxed()
            .flatMapToDouble(row -> Arrays.stream(classes[row]))
            .filter(value -> value != 0)
            .toArray();
    if (left.length % 2 != 0) {
      throw new InvalidArgumentException(
          "%d class probabilities of %d steps are not 0, and cannot be paired; take steps BY_ROW"
              .formatted(left.length, rows.length));
    }
    double[] right = new double[left.length / 2];
    Arrays.setAll(right, i -> left[2 * i + 1]);
    return right;
  }
}
