package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.row.RowError;

/** A line that was read as a row, or why it could not be. */
public sealed interface ParsedRow {
  /** Its line in the file, from 1. */
  long line();

  /**
   * A row that can be scored.
   *
   * @param row the row
   */
  record Good(Row row) implements ParsedRow {
    @Override
    public long line() {
      return row.line();
    }
  }

  /**
   * A row that cannot.
   *
   * @param line its line
   * @param id its id, the line's number where it names none, JSON null where that could not be read
   * @param error why
   */
  record Bad(long line, JsonNode id, RowError error) implements ParsedRow {}
}
