package dev.gavel;

import java.util.Arrays;

/**
 * First and last row of every response, in order, both included. Rows count from 0. A response that
 * has no row is invalid: both are {@link #NONE}, its score will be -infinity, and it is counted.
 * Immutable.
 */
public final class Spans {
  /** Stands in both places of a response that has no row. */
  public static final int NONE = -1;

  private final int[] first;
  private final int[] last;

  private Spans(int[] first, int[] last) {
    this.first = first;
    this.last = last;
  }

  /**
   * Spans of responses, in order.
   *
   * @param first first row of each
   * @param last last row of each
   * @throws InvalidArgumentException if the lengths differ, or a pair is neither (NONE, NONE) nor 0
   *     &lt;= first &lt;= last
   */
  public static Spans of(int[] first, int[] last) {
    if (first.length != last.length) {
      throw new InvalidArgumentException(
          "spans have %d first rows and %d last rows; there must be one of each per response"
              .formatted(first.length, last.length));
    }
    for (int i = 0; i < first.length; i++) {
      check(i, first[i], last[i]);
    }
    return new Spans(first.clone(), last.clone());
  }

  /**
   * Spans of one row each.
   *
   * @param rows the row of each response, or {@link #NONE}
   */
  public static Spans ofRows(int... rows) {
    return of(rows, rows);
  }

  /**
   * Spans of the steps of one response, each from the response's first row to the step's end: what
   * makes cumulative step values of an implicit process reward ("accumulative" in its reference
   * code).
   *
   * @param firstRow first row of the response
   * @param stepEnds last row of each step, rising
   * @throws InvalidArgumentException if the ends do not rise from firstRow on
   */
  public static Spans cumulative(int firstRow, int... stepEnds) {
    checkSteps(firstRow, stepEnds);
    int[] first = new int[stepEnds.length];
    Arrays.fill(first, firstRow);
    return of(first, stepEnds);
  }

  /**
   * Spans of the steps of one response, each from behind the previous step to its own end: with
   * sums, the differences of {@link #cumulative} values ("single" in the reference code).
   *
   * @param firstRow first row of the response
   * @param stepEnds last row of each step, rising
   * @throws InvalidArgumentException if the ends do not rise from firstRow on
   */
  public static Spans single(int firstRow, int... stepEnds) {
    checkSteps(firstRow, stepEnds);
    int[] first = new int[stepEnds.length];
    for (int k = 0; k < first.length; k++) {
      first[k] = k == 0 ? firstRow : stepEnds[k - 1] + 1;
    }
    return of(first, stepEnds);
  }

  /** Number of responses. */
  public int size() {
    return first.length;
  }

  /** First row of a response, or {@link #NONE}. */
  public int first(int response) {
    return first[response];
  }

  /** Last row of a response, or {@link #NONE}. */
  public int last(int response) {
    return last[response];
  }

  /** Whether a response has a row. */
  public boolean isValid(int response) {
    return last[response] != NONE;
  }

  private static void checkSteps(int firstRow, int... stepEnds) {
    int least = firstRow;
    for (int k = 0; k < stepEnds.length; k++) {
      if (firstRow < 0 || stepEnds[k] < least) {
        throw new InvalidArgumentException(
            "step %d of %d ends at row %d; ends must rise, and this one be at least %d"
                .formatted(k, stepEnds.length, stepEnds[k], Math.max(least, 0)));
      }
      least = stepEnds[k] + 1;
    }
  }

  private static void check(int response, int first, int last) {
    boolean none = first == NONE && last == NONE;
    if (!none && (first < 0 || last < first)) {
      throw new InvalidArgumentException(
          "span of response %d is %d to %d; it must be 0 <= first <= last, or %d and %d for none"
              .formatted(response, first, last, NONE, NONE));
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Spans that
        && Arrays.equals(first, that.first)
        && Arrays.equals(last, that.last);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(first) + Arrays.hashCode(last);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("[");
    for (int i = 0; i < first.length; i++) {
      text.append(i == 0 ? "" : ", ");
      text.append(isValid(i) ? first[i] + ".." + last[i] : "none");
    }
    return text.append(']').toString();
  }
}
