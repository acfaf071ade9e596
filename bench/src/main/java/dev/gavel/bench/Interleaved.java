package dev.gavel.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Times two sides in turn, A B A B ..., and compares medians and the ratio round by round: what the
 * machine does meanwhile hits both. Before a side's turn the other side's threads get time to park,
 * and its first calls of the turn, which wake its own threads, are not counted.
 */
final class Interleaved {
  // Longer than OpenMP threads spin after work before they sleep (libgomp: about 3 ms of spinning).
  private static final long PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(15);
  private static final int UNCOUNTED_CALLS = 2;

  private Interleaved() {}

  /**
   * What came out of it, times in microseconds per call.
   *
   * @param ours median of our rounds
   * @param peer median of the peer's rounds
   * @param ratio median over rounds of peer / ours
   * @param ratioLow first quartile of the ratio
   * @param ratioHigh third quartile of the ratio
   * @param rounds number of rounds
   */
  record Result(
      double ours, double peer, double ratio, double ratioLow, double ratioHigh, int rounds) {}

  /**
   * Compares two sides.
   *
   * @param rounds turns of each side
   * @param nanosPerTurn counted time of a turn: a turn makes as many calls as fit, at least three
   */
  static Result compare(Runnable ours, Runnable peer, int rounds, long nanosPerTurn) {
    double[] our = new double[rounds];
    double[] their = new double[rounds];
    double[] ratio = new double[rounds];
    turn(ours, nanosPerTurn);
    turn(peer, nanosPerTurn);
    for (int i = 0; i < rounds; i++) {
      our[i] = turn(ours, nanosPerTurn);
      their[i] = turn(peer, nanosPerTurn);
      ratio[i] = their[i] / our[i];
    }
    return new Result(
        quantile(our, 0.5),
        quantile(their, 0.5),
        quantile(ratio, 0.5),
        quantile(ratio, 0.25),
        quantile(ratio, 0.75),
        rounds);
  }

  /** Median time of a call in one turn, microseconds. */
  static double turn(Runnable side, long nanosPerTurn) {
    park();
    for (int i = 0; i < UNCOUNTED_CALLS; i++) {
      side.run();
    }
    List<Double> calls = new ArrayList<>();
    long begin = System.nanoTime();
    long now = begin;
    while (calls.size() < 3 || now - begin < nanosPerTurn) {
      long start = System.nanoTime();
      side.run();
      now = System.nanoTime();
      calls.add((now - start) / 1000.0);
    }
    return quantile(calls.stream().mapToDouble(Double::doubleValue).toArray(), 0.5);
  }

  /** Gives the threads of the side before time to sleep. */
  static void park() {
    LockSupport.parkNanos(PARK_NANOS);
  }

  static double quantile(double[] values, double q) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double at = q * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
