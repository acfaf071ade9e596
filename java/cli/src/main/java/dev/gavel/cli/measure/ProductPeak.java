package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Stream;
import java.util.Arrays;
import java.util.function.LongUnaryOperator;

/** The most operations a second that products can reach: their instructions over registers. */
final class ProductPeak {
  // Long enough that starting and stopping do not count, short enough that most bursts are not
  // interrupted.
  private static final long BURST_NANOS = 1_000_000;
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

  // The best burst: others were interrupted.
  private static double best(LongUnaryOperator products, double seconds) {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    long rounds = 1;
    double best = 0;
    do {
      long start = System.nanoTime();
      double operations = products.applyAsLong(rounds);
      long nanos = Math.max(1, System.nanoTime() - start);
      best = Math.max(best, operations / nanos * 1e9);
      if (nanos < BURST_NANOS) {
        rounds = Math.min(MOST_ROUNDS, 2 * rounds);
      }
    } while (System.nanoTime() < end);
    return best;
  }
}
