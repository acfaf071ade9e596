package dev.gavel.cli.scoring;

import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.row.RowError;
import java.util.Optional;

/** A row in front of the backbone. */
public sealed interface PreparedRow {
  /**
   * A row to score.
   *
   * @param row the row
   * @param group its tokens
   * @param withoutLabels why it has no labels; empty where it has, or nobody asked
   */
  record Ready(Row row, TextBackbone.Tokenized group, Optional<RowError> withoutLabels)
      implements PreparedRow {
    /** A row whose labels nobody asked for. */
    public Ready(Row row, TextBackbone.Tokenized group) {
      this(row, group, Optional.empty());
    }
  }

  /**
   * A row that cannot be scored.
   *
   * @param row why
   * @param prompt hash of its prompt; empty where that could not be read
   */
  record Hopeless(ScoredRow.Failed row, Optional<PromptHash> prompt) implements PreparedRow {
    /** A line that is no row. */
    public Hopeless(ParsedRow.Bad row) {
      this(new ScoredRow.Failed(row), Optional.empty());
    }
  }
}
