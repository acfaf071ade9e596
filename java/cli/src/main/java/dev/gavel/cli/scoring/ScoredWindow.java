package dev.gavel.cli.scoring;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.ScoredRow;
import java.util.List;

/**
 * Rows of a window with their scores.
 *
 * @param entries the rows, in order
 * @param bytes about how much text they hold
 * @param end the place in the input after the last of them
 */
public record ScoredWindow(List<Entry> entries, long bytes, Position end) {
  /** Copies the list. */
  public ScoredWindow {
    entries = List.copyOf(entries);
  }

  /**
   * A row.
   *
   * @param source index of the source it is from
   * @param row what became of it
   */
  public record Entry(int source, ScoredRow row) {}
}
