package dev.gavel.cli.output;

import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.GroupScore;

/** What became of a row. */
public sealed interface ScoredRow {
  /**
   * A row with its scores.
   *
   * @param row the row
   * @param score its scores; some may be no finite number
   */
  record Scored(Row row, GroupScore score) implements ScoredRow {
    /** Whether every score and objective is a finite number. */
    public boolean isFinite() {
      return score.isFinite();
    }
  }

  /**
   * A row without scores.
   *
   * @param row the row
   */
  record Failed(ParsedRow.Bad row) implements ScoredRow {}
}
