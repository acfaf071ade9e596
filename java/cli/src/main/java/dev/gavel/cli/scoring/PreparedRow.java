package dev.gavel.cli.scoring;

import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.TextBackbone;

/** A row in front of the backbone. */
public sealed interface PreparedRow {
  /**
   * A row to score.
   *
   * @param row the row
   * @param group its tokens
   */
  record Ready(Row row, TextBackbone.Tokenized group) implements PreparedRow {}

  /**
   * A row that cannot be scored.
   *
   * @param row why
   */
  record Hopeless(ScoredRow.Failed row) implements PreparedRow {}
}
