package dev.gavel.cli.scoring;

import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.RewardModel;
import dev.gavel.text.row.RowError;
import java.util.List;
import java.util.stream.IntStream;

/** Tokenises rows; what cannot be tokenised becomes an error of that row. Any thread. */
public final class RowPreparer {
  private final RewardModel model;

  /** Prepares rows for a model. */
  public RowPreparer(RewardModel model) {
    this.model = model;
  }

  /** Tokenises a row. */
  public PreparedRow prepare(ParsedRow parsed) {
    return switch (parsed) {
      case ParsedRow.Bad bad -> new PreparedRow.Hopeless(new ScoredRow.Failed(bad));
      case ParsedRow.Good(Row row) ->
          prepare(row, IntStream.range(0, row.responses().size()).boxed().toList());
    };
  }

  /**
   * Tokenises a row with its responses in another order.
   *
   * @param order the responses, each once
   */
  public PreparedRow prepare(Row row, List<Integer> order) {
    try {
      return new PreparedRow.Ready(
          row,
          row.steps().isEmpty()
              ? model.prepare(row.prompt(), order.stream().map(row.responses()::get).toList())
              : model.prepareSteps(row.prompt(), order.stream().map(row.steps()::get).toList()));
    } catch (InvalidArgumentException e) {
      return new PreparedRow.Hopeless(
          new ScoredRow.Failed(new ParsedRow.Bad(row.line(), row.id(), RowError.of(e))));
    }
  }
}
