package dev.gavel.cli.measure;

import dev.gavel.DType;
import dev.gavel.DeviceTensor;
import dev.gavel.Stream;

/** How fast a CUDA device reads and writes its own memory. */
final class DeviceCopies {
  // A copy of one call takes microseconds to start: many are enqueued at once, of this many bytes
  // together.
  private static final long BYTES_AT_ONCE = 256L << 20;

  private DeviceCopies() {}

  /**
   * Bytes a second, read and written ones together, of copies from one half of a working set to the
   * other.
   *
   * @param bytes of the working set
   */
  static double rate(Stream stream, long bytes, double seconds) {
    long elements = bytes / 2 / DType.F32.bytes();
    try (DeviceTensor from = DeviceTensor.allocate(stream, DType.F32, elements);
        DeviceTensor to = DeviceTensor.allocate(stream, DType.F32, elements)) {
      long copies = Math.max(1, BYTES_AT_ONCE / bytes);
      long end = System.nanoTime() + (long) (seconds * 1e9);
      double best = 0;
      do {
        stream.synchronize();
        long start = System.nanoTime();
        for (long copy = 0; copy < copies; copy++) {
          to.copyFrom(from, stream);
        }
        stream.synchronize();
        double nanos = Math.max(1, System.nanoTime() - start);
        best = Math.max(best, (double) copies * bytes / nanos * 1e9);
      } while (System.nanoTime() < end);
      return best;
    }
  }
}
