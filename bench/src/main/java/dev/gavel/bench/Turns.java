package dev.gavel.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Several sides timed in turn, A B C A B C ..., as {@link Interleaved} does with two. */
final class Turns {
  private static final int ROUNDS = 7;

  // By side and round.
  private final double[][] micros;

  private Turns(double[][] micros) {
    this.micros = micros;
  }

  /**
   * Times sides in turn.
   *
   * @param seconds of all rounds together; slow sides take at least one call a round
   */
  static Turns of(List<? extends Side> sides, double seconds) {
    long nanos = (long) (seconds * 1e9 / (ROUNDS * sides.size()));
    double[][] micros = new double[sides.size()][ROUNDS];
    // Until the compiler has done its work; a call that takes a turn's time is native or has
    // looped enough.
    for (Side side : sides) {
      turn(side, nanos);
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < micros.length; i++) {
        micros[i][round] = turn(sides.get(i), nanos);
      }
    }
    return new Turns(micros);
  }

  private static double turn(Side side, long nanos) {
    Interleaved.park();
    long begin = System.nanoTime();
    side.run();
    long first = System.nanoTime() - begin;
    if (first >= nanos) {
      return first / 1e3;
    }
    List<Double> calls = new ArrayList<>();
    begin = System.nanoTime();
    long now = begin;
    while (calls.isEmpty() || now - begin < nanos - first) {
      long start = System.nanoTime();
      side.run();
      now = System.nanoTime();
      calls.add((now - start) / 1e3);
    }
    double[] values = calls.stream().mapToDouble(Double::doubleValue).toArray();
    return Interleaved.quantile(values, 0.5);
  }

  /** What {@link #times} are. */
  static final List<String> TIMES = List.of("median us", "first quartile us", "third quartile us");

  /** What {@link #ratios} are. */
  static final List<String> RATIOS =
      List.of("ratio", "ratio first quartile", "ratio third quartile");

  /** Median and quartiles of a side's rounds, microseconds. */
  List<Double> times(int side) {
    return List.of(quantile(side, 0.5), quantile(side, 0.25), quantile(side, 0.75));
  }

  /** Median and quartiles over rounds of side / first side. */
  List<Double> ratios(int side) {
    return List.of(ratio(side, 0.5), ratio(side, 0.25), ratio(side, 0.75));
  }

  /** A quantile of a side's rounds, microseconds. */
  double quantile(int side, double q) {
    return Interleaved.quantile(micros[side], q);
  }

  /** A quantile over rounds of side / first side. */
  double ratio(int side, double q) {
    double[] ratios = new double[micros[side].length];
    Arrays.setAll(ratios, round -> micros[side][round] / micros[0][round]);
    return Interleaved.quantile(ratios, q);
  }
}
