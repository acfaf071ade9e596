package dev.gavel.cli.input;

import dev.gavel.cli.rows.LineReader;

/**
 * What bounds the memory of a run.
 *
 * @param windowRows most rows of a window
 * @param longestLine most bytes of a line that is read; a longer one is an error of its row
 */
public record Limits(int windowRows, int longestLine) {
  // Measured: the tokenizer's library takes up to 190 bytes of heap for a byte of text, where every
  // byte is a token, and ends the whole process where it gets none. 2 MiB of such text are scored
  // with a heap of 512 MiB, 4 MiB are not.
  private static final long HEAP_PER_BYTE = 256;

  /** What this process's heap allows. */
  public static Limits ofHeap(int windowRows) {
    long most = Runtime.getRuntime().maxMemory() / HEAP_PER_BYTE;
    return new Limits(windowRows, (int) Math.min(most, LineReader.LONGEST));
  }
}
