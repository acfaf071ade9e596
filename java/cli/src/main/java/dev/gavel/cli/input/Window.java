package dev.gavel.cli.input;

import dev.gavel.cli.rows.Line;
import java.util.List;

/**
 * Lines that follow each other and are scored together.
 *
 * @param entries the lines, in order
 * @param bytes about how much text they hold
 * @param end the place after the last of them
 */
public record Window(List<Entry> entries, long bytes, Position end) {
  /** Copies the list. */
  public Window {
    entries = List.copyOf(entries);
  }

  /**
   * A line.
   *
   * @param source index of the source it is from
   * @param line the line
   */
  public record Entry(int source, Line line) {}
}
