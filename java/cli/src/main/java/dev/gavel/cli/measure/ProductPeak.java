package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Stream;
import java.util.Arrays;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/** The most operations a second that products can reach: their instructions over registers. */
final class ProductPeak {
  // Long enough that starting and stopping do not count, short enough that most bursts are not
  // interrupted.
  private static final long BURST_NANOS = 1_000_000;
  private static final int BURSTS = 4;
  private static final long MOST_ROUNDS = Integer.MAX_VALUE;

  private ProductPeak() {}

  /** Of all threads of a CPU context together. */
  static double onCpu(Context context, DType dtype, double seconds) {
    return Concurrently.sum(
        context.info().threads(),
        () -> best(rounds -> context.registerProducts(dtype, rounds), seconds));
  }

  /** Of a CUDA device. */
  static double onCuda(Stream stream, DType dtype, double seconds) {
    return best(
        rounds -> {
          long operations = stream.registerProducts(dtype, rounds);
          stream.synchronize();
          return operations;
        },
        seconds);
  }

  /** Microseconds from asking for a kernel that does nothing until it is known to be done. */
  static double launchMicros(Stream stream, double seconds) {
    long[] nanos = new long[1 << 16];
    long end = System.nanoTime() + (long) (seconds * 1e9);
    int launches = 0;
    do {
      long start = System.nanoTime();
      stream.registerProducts(DType.F32, 0);
      stream.synchronize();
      nanos[launches] = System.nanoTime() - start;
      launches++;
    } while (launches < nanos.length && System.nanoTime() < end);
    return Latencies.of(Arrays.copyOf(nanos, launches)).percentile(0.5).orElseThrow();
  }

  private static double best(LongUnaryOperator products, double seconds) {
    return best(products, seconds, System::nanoTime);
  }

  /**
   * Operations a second in the best of many bursts: others were interrupted.
   *
   * @param products does this many rounds and returns the operations they are
   * @param seconds how long, from when it is known how many rounds make a burst
   * @param clock nanoseconds
   */
  static double best(LongUnaryOperator products, double seconds, LongSupplier clock) {
    long rounds = 1;
    while (rounds < MOST_ROUNDS && shortest(products, rounds, clock).nanos() < BURST_NANOS) {
      rounds = Math.min(MOST_ROUNDS, 2 * rounds);
    }
    long end = clock.getAsLong() + (long) (seconds * 1e9);
    double best = 0;
    do {
      best = Math.max(best, shortest(products, rounds, clock).perSecond());
    } while (clock.getAsLong() < end);
    return best;
  }

  private record Burst(long operations, long nanos) {
    double perSecond() {
      return operations * 1e9 / nanos;
    }
  }

  // The shortest of a few: one that was interrupted looks like one of many rounds.
  private static Burst shortest(LongUnaryOperator products, long rounds, LongSupplier clock) {
    Burst shortest = null;
    for (int burst = 0; burst < BURSTS; burst++) {
      long start = clock.getAsLong();
      long operations = products.applyAsLong(rounds);
      long nanos = Math.max(1, clock.getAsLong() - start);
      if (shortest == null || nanos < shortest.nanos()) {
        shortest = new Burst(operations, nanos);
      }
    }
    return shortest;
  }
}
