package dev.gavel.bench;

import java.util.function.IntToDoubleFunction;

/** How far what a side computed is from float64. */
final class LargestError {
  /** Rows that are compared: float64 takes long. */
  private final int rows;

  private final IntToDoubleFunction reference;
  private final Object what;

  /**
   * Of the first rows of some work.
   *
   * @param what the work, for messages
   * @param reference what is right for a row
   */
  LargestError(Object what, int rows, IntToDoubleFunction reference) {
    this.what = what;
    this.rows = rows;
    this.reference = reference;
  }

  /**
   * Runs the side once.
   *
   * @param most above it a side computes something else
   * @throws IllegalStateException if it does
   */
  double of(Side side, double most) {
    side.run();
    float[] found = side.results();
    double largest = 0;
    for (int row = 0; row < rows; row++) {
      largest = Math.max(largest, Math.abs(found[row] - reference.applyAsDouble(row)));
    }
    if (!(largest <= most)) {
      throw new IllegalStateException("%s on %s: error %s".formatted(side.name(), what, largest));
    }
    return largest;
  }
}
