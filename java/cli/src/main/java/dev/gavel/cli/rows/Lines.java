package dev.gavel.cli.rows;

import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/** Rows of a file as lines, one by one. */
public interface Lines extends Closeable {
  /** The next line that is not blank, or empty at the end. */
  Optional<Line> next() throws IOException;

  /** Whether more is there without waiting; false also at the end. */
  boolean isReady() throws IOException;

  /** Bytes of the text up to the end of the last line. */
  long bytesRead();

  /** Bytes of the text that came from the source, the start of an unfinished line included. */
  long bytesCollected();

  /** Lines up to the last one, blank ones included. */
  long lines();
}
