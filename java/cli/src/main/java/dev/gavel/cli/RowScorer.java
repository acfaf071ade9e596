package dev.gavel.cli;

import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.rows.RowError;
import dev.gavel.text.RewardModel;
import java.util.List;

/** Scores rows with a model; what cannot be scored becomes an error of that row. */
final class RowScorer {
  private final RewardModel model;

  RowScorer(RewardModel model) {
    this.model = model;
  }

  ScoredRow score(ParsedRow parsed) {
    return switch (parsed) {
      case ParsedRow.Bad bad -> new ScoredRow.Failed(bad);
      case ParsedRow.Good(Row row) -> score(row, row.responses());
    };
  }

  /** Scores responses of a row in the order given. */
  ScoredRow score(Row row, List<String> responses) {
    try {
      return new ScoredRow.Scored(row, model.score(row.prompt(), responses));
    } catch (FormatException e) {
      throw e;
    } catch (InvalidArgumentException e) {
      String message = String.valueOf(e.getMessage());
      return new ScoredRow.Failed(
          new ParsedRow.Bad(row.line(), row.id(), new RowError("row", message, message)));
    }
  }
}
