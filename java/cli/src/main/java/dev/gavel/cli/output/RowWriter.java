package dev.gavel.cli.output;

import java.io.IOException;

/** Writes what became of rows, in order. */
public interface RowWriter {
  /**
   * Writes one row.
   *
   * @param file the file the row is from, where there are several; else empty
   */
  void write(String file, ScoredRow row) throws IOException;

  /** Writes one row of the only file. */
  default void write(ScoredRow row) throws IOException {
    write("", row);
  }
}
