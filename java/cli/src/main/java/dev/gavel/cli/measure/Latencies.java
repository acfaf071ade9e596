package dev.gavel.cli.measure;

import java.util.Arrays;
import java.util.OptionalDouble;

/** Times of calls, exactly as measured. */
public final class Latencies {
  private final long[] sortedNanos;

  private Latencies(long[] sortedNanos) {
    this.sortedNanos = sortedNanos;
  }

  /** All times of several callers, at least one. */
  static Latencies of(long[]... nanos) {
    long[] all = Arrays.stream(nanos).flatMapToLong(Arrays::stream).sorted().toArray();
    if (all.length == 0) {
      throw new IllegalArgumentException("no call was timed");
    }
    return new Latencies(all);
  }

  /** Number of calls. */
  public int count() {
    return sortedNanos.length;
  }

  /**
   * The time, in microseconds, that this part of the calls did not exceed (nearest rank). Empty
   * where fewer calls were timed than it takes for one to lie beyond it.
   *
   * @param part above 0, below 1
   */
  public OptionalDouble percentile(double part) {
    int rank = (int) Math.ceil(part * sortedNanos.length);
    return rank >= sortedNanos.length && part > 0.5
        ? OptionalDouble.empty()
        : OptionalDouble.of(sortedNanos[rank - 1] / 1e3);
  }
}
