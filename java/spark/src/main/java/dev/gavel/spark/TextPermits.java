package dev.gavel.spark;

import dev.gavel.InvalidArgumentException;
import java.util.concurrent.Semaphore;
import org.apache.spark.TaskKilledException;

/**
 * Bounds the text that all tasks of this JVM tokenise at once. The tokenizer's library takes up to
 * 190 bytes of heap for a byte of text (measured where every byte is a token) and ends the process
 * where it gets none, which would cost Spark the executor.
 */
final class TextPermits {
  private static final int HEAP_PER_BYTE = 256;
  private static final int UNIT = 1024;
  private static final int ALL =
      (int) Math.min(Integer.MAX_VALUE, Runtime.getRuntime().maxMemory() / HEAP_PER_BYTE / UNIT);
  private static final Semaphore FREE = new Semaphore(ALL, true);

  private TextPermits() {}

  /**
   * Checks that rows of this length can be tokenised here.
   *
   * @throws InvalidArgumentException if the heap is too small
   */
  static void require(int longestRow) {
    if (units(longestRow) > ALL) {
      throw new InvalidArgumentException(
          "longest row is %d bytes, and a heap of %d MiB is safe for rows of %d bytes; give executors more memory, or lower the longest row"
              .formatted(longestRow, Runtime.getRuntime().maxMemory() >> 20, (long) ALL * UNIT));
    }
  }

  /** Work on a text of this many bytes, when others leave room for it. */
  static <T> T with(long bytes, java.util.function.Supplier<T> work) {
    int units = units(bytes);
    try {
      FREE.acquire(units);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException("the task was killed while it waited to tokenise a row");
    }
    try {
      return work.get();
    } finally {
      FREE.release(units);
    }
  }

  private static int units(long bytes) {
    return Math.toIntExact((bytes + UNIT - 1) / UNIT);
  }
}
