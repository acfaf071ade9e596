package dev.gavel.cli.output;

import java.io.IOException;

/** Writes what became of rows, in order. */
public interface RowWriter {
  /** Writes one row. */
  void write(ScoredRow row) throws IOException;
}
