package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** How far numbers are from exact ones, and what is far enough to fail. */
final class Errors {
  /** Largest relative error of rounding once to f32. */
  static final double F32 = 0x1p-24;

  /** Largest relative error of rounding once to bf16. */
  static final double BF16 = 0x1p-8;

  /** Largest relative error of rounding once to f16. */
  static final double F16 = 0x1p-11;

  private Errors() {}

  static double rootMeanSquare(double[] values) {
    double squares = 0;
    for (double value : values) {
      squares += value * value / values.length;
    }
    return Math.sqrt(squares);
  }

  /** Root of the mean squared difference. */
  static double error(double[] found, double[] exact) {
    assertEquals(exact.length, found.length, "number of values");
    double[] difference = new double[exact.length];
    for (int i = 0; i < exact.length; i++) {
      difference[i] = found[i] - exact[i];
    }
    return rootMeanSquare(difference);
  }

  /** Ours may be as far from the exact values as the peer's are, and 5 %. */
  static void assertNoWorse(String what, double[] ours, double[] peers, double[] exact) {
    assertNoWorse(what, ours, peers, exact, 0);
  }

  /** The same with an allowance, for what is too few numbers to tell quality from luck. */
  static void assertNoWorse(
      String what, double[] ours, double[] peers, double[] exact, double allowance) {
    double bound = 1.05 * error(peers, exact) + allowance;
    double found = error(ours, exact);
    assertTrue(
        found <= bound,
        () ->
            "%s: error %.3g, the peer's %.3g, bound %.3g, size %.3g"
                .formatted(what, found, error(peers, exact), bound, rootMeanSquare(exact)));
  }

  /** The error is at most this part of the values' size. */
  static void assertClose(String what, double[] found, double[] exact, double relative) {
    double error = error(found, exact);
    double bound = relative * rootMeanSquare(exact);
    assertTrue(
        error <= bound,
        () ->
            "%s: error %.3g, bound %.3g, size %.3g"
                .formatted(what, error, bound, rootMeanSquare(exact)));
  }
}
