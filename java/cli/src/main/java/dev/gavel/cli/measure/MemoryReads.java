package dev.gavel.cli.measure;

import java.util.Arrays;

/** How fast threads read memory, from Java. */
final class MemoryReads {
  // Where there is little time one pass may take all of it: another process had the processor.
  private static final int FEWEST_ROUNDS = 16;

  private MemoryReads() {}

  /**
   * Bytes a second that threads together read of a working set, which they share out among them.
   *
   * @param bytes of the working set
   */
  static double rate(long bytes, int threads, double seconds) {
    return Concurrently.sum(threads, () -> best(bytes / threads, seconds));
  }

  // The best of many passes: a pass that another process interrupted says nothing of the memory.
  // Comparing two equal arrays is what the virtual machine reads memory with fastest: a loop that
  // adds them up reached a fifth of it, less than our kernels read.
  private static double best(long bytes, double seconds) {
    long[] values = new long[(int) (bytes / 2 / Long.BYTES)];
    long[] same = values.clone();
    int passes = (int) Math.max(1, (4L << 20) / bytes);
    long end = System.nanoTime() + (long) (seconds * 1e9);
    double best = 0;
    boolean equal = true;
    for (int round = 0; round < FEWEST_ROUNDS || System.nanoTime() < end; round++) {
      long start = System.nanoTime();
      for (int pass = 0; pass < passes; pass++) {
        equal &= Arrays.equals(values, same);
      }
      double nanos = Math.max(1, System.nanoTime() - start);
      best = Math.max(best, 2.0 * passes * values.length * Long.BYTES / nanos * 1e9);
    }
    if (!equal) {
      throw new IllegalStateException("memory was read wrongly");
    }
    return best;
  }
}
