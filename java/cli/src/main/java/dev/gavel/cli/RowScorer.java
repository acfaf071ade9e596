package dev.gavel.cli;

import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.rows.RowError;
import dev.gavel.text.GroupScore;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TextBackbone;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Collects rows and scores them together, in order; what cannot be scored becomes an error of that
 * row. One thread.
 */
final class RowScorer {
  // Bounds the memory that rows without a score take while they wait for the others.
  private static final int MOST_ROWS = 256;

  // How the messages of the text module name a response.
  private static final Pattern RESPONSE = Pattern.compile("response (\\d+)\\b.*", Pattern.DOTALL);

  private final RewardModel model;
  private final List<Waiting> waiting = new ArrayList<>();
  private long tokens;

  private sealed interface Waiting {}

  private record Ready(Row row, TextBackbone.Tokenized group) implements Waiting {}

  private record Hopeless(ScoredRow.Failed row) implements Waiting {}

  RowScorer(RewardModel model) {
    this.model = model;
  }

  /** Adds a row. */
  void add(ParsedRow parsed) {
    switch (parsed) {
      case ParsedRow.Bad bad -> waiting.add(new Hopeless(new ScoredRow.Failed(bad)));
      case ParsedRow.Good(Row row) -> add(row, row.responses());
    }
  }

  /** Adds a row with its responses in another order. */
  void add(Row row, List<String> responses) {
    waiting.add(prepare(row, responses));
  }

  /** Whether enough rows wait to fill the backbone. */
  boolean isFull() {
    return tokens >= model.options().batchTokens() || waiting.size() >= MOST_ROWS;
  }

  /** Scores the rows that wait, in the order they came. */
  List<ScoredRow> score() {
    Iterator<GroupScore> scores =
        model
            .score(
                waiting.stream()
                    .filter(Ready.class::isInstance)
                    .map(row -> ((Ready) row).group())
                    .toList())
            .iterator();
    List<ScoredRow> scored = new ArrayList<>();
    for (Waiting row : waiting) {
      switch (row) {
        case Ready ready -> scored.add(new ScoredRow.Scored(ready.row(), scores.next()));
        case Hopeless(ScoredRow.Failed failed) -> scored.add(failed);
      }
    }
    waiting.clear();
    tokens = 0;
    return scored;
  }

  private Waiting prepare(Row row, List<String> responses) {
    try {
      TextBackbone.Tokenized group = model.prepare(row.prompt(), responses);
      tokens += group.packed().totalTokens();
      return new Ready(row, group);
    } catch (InvalidArgumentException e) {
      String message = String.valueOf(e.getMessage());
      RowError error = new RowError(field(message).orElse("row"), message, message);
      return new Hopeless(new ScoredRow.Failed(new ParsedRow.Bad(row.line(), row.id(), error)));
    }
  }

  private static Optional<String> field(String message) {
    Matcher response = RESPONSE.matcher(message);
    if (response.matches()) {
      return Optional.of("responses[%s]".formatted(response.group(1)));
    }
    return message.startsWith("prompt") ? Optional.of("prompt") : Optional.empty();
  }
}
