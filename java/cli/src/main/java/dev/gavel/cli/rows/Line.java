package dev.gavel.cli.rows;

import dev.gavel.text.row.RowError;

/** One line of a file that is not blank. */
public sealed interface Line {
  /** Its number in the file, from 1; blank lines count. */
  long number();

  /**
   * A line of valid UTF-8.
   *
   * @param number its number
   * @param text without the line end
   */
  record Text(long number, String text) implements Line {}

  /**
   * A line that cannot be read as text.
   *
   * @param number its number
   * @param error why
   */
  record Unreadable(long number, RowError error) implements Line {}
}
