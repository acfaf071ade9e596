package dev.gavel.cli.scoring;

import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.row.RowError;
import java.util.List;
import java.util.Optional;
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
      case ParsedRow.Bad bad -> new PreparedRow.Hopeless(bad);
      case ParsedRow.Good(Row row) -> prepare(row, given(row));
    };
  }

  /**
   * Tokenises a row with its responses in another order.
   *
   * @param order the responses, each once
   */
  public PreparedRow prepare(Row row, List<Integer> order) {
    try {
      return new PreparedRow.Ready(row, tokenized(row, order));
    } catch (InvalidArgumentException e) {
      return new PreparedRow.Hopeless(
          new ScoredRow.Failed(
              new ParsedRow.Bad(row.line(), row.id(), RowError.of(inOrderOfRow(row, e)))),
          Optional.of(PromptHash.of(row.promptText())));
    }
  }

  private TextBackbone.Tokenized tokenized(Row row, List<Integer> order) {
    return row.steps().isEmpty()
        ? model.prepare(row.prompt(), order.stream().map(row.responses()::get).toList())
        : model.prepareSteps(row.prompt(), order.stream().map(row.steps()::get).toList());
  }

  // A message counts responses as they were given to the model; who reads it looks into the row.
  private InvalidArgumentException inOrderOfRow(Row row, InvalidArgumentException inOtherOrder) {
    try {
      tokenized(row, given(row));
      return inOtherOrder;
    } catch (InvalidArgumentException e) {
      return e;
    }
  }

  private static List<Integer> given(Row row) {
    return IntStream.range(0, row.responses().size()).boxed().toList();
  }
}
