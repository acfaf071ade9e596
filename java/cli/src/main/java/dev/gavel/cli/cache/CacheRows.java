package dev.gavel.cli.cache;

import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.metric.Shuffle;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.rows.RowParser;
import dev.gavel.cli.scoring.PreparedRow;
import dev.gavel.cli.scoring.RowPreparer;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.RewardModel;
import dev.gavel.text.row.RowError;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * From lines to rows of a cache. Responses may be packed in an order drawn from a seed; tokens and
 * vectors are kept in the order of the row. Any thread.
 */
public final class CacheRows {
  private final RowParser texts = RowParser.ofTexts();
  private final RowParser preferences = RowParser.ofPreferences();
  private final RowPreparer preparer;
  private final @Nullable Long seed;

  /**
   * Rows for a model.
   *
   * @param seed of the order responses are packed in; null to leave them as they are
   */
  public CacheRows(RewardModel model, @Nullable Long seed) {
    this.preparer = new RowPreparer(model);
    this.seed = seed;
  }

  /** Parses and tokenises a line. Labels that cannot be used do not make a row bad. */
  public PreparedRow prepare(Line line) {
    return switch (texts.parse(line)) {
      case ParsedRow.Bad bad -> new PreparedRow.Hopeless(bad);
      case ParsedRow.Good(Row text) -> {
        ParsedRow judged = preferences.parse(line);
        Row row = judged instanceof ParsedRow.Good(Row labelled) ? labelled : text;
        Optional<RowError> withoutLabels =
            judged instanceof ParsedRow.Bad bad ? Optional.of(bad.error()) : Optional.empty();
        yield switch (preparer.prepare(row, order(row))) {
          case PreparedRow.Ready ready -> new PreparedRow.Ready(row, ready.group(), withoutLabels);
          case PreparedRow.Hopeless hopeless -> hopeless;
        };
      }
    };
  }

  /** What a cache keeps of a row beside its vectors. */
  public CachedRow row(String file, PreparedRow prepared) {
    return switch (prepared) {
      case PreparedRow.Hopeless(ScoredRow.Failed(ParsedRow.Bad bad), Optional<PromptHash> prompt) ->
          new CachedRow.Failed(bad.line(), bad.id(), file, prompt, bad.error());
      case PreparedRow.Ready ready -> {
        Row row = ready.row();
        PackedGroup packed = ready.group().packed();
        List<Integer> order = order(row);
        yield new CachedRow.Whole(
            row.line(),
            row.id(),
            file,
            row.subset(),
            PromptHash.of(row.promptText()),
            GroupFacts.lengths(row.responses()),
            new CachedRow.Tokens(
                unpack(order, packed.responseTokens()),
                unpack(order, packed.responseCut()),
                packed.promptTokens(),
                packed.promptCut(),
                ready.group().specialLiterals(),
                packed.sequences().size(),
                packed.sharedTokens()),
            row.labels(),
            ready.withoutLabels());
      }
    };
  }

  /** Vectors in the order of the row, from those in the order they were packed. */
  public float[] vectors(PreparedRow prepared, float[] packed, int width) {
    if (!(prepared instanceof PreparedRow.Ready ready) || seed == null) {
      return packed;
    }
    List<Integer> order = order(ready.row());
    float[] vectors = new float[packed.length];
    for (int i = 0; i < order.size(); i++) {
      System.arraycopy(packed, i * width, vectors, order.get(i) * width, width);
    }
    return vectors;
  }

  private List<Integer> order(Row row) {
    return seed == null
        ? IntStream.range(0, row.responses().size()).boxed().toList()
        : Shuffle.responses(seed, row.promptText(), row.responses());
  }

  private static List<Integer> unpack(List<Integer> order, List<Integer> packed) {
    List<Integer> values = new ArrayList<>(Collections.nCopies(packed.size(), 0));
    for (int i = 0; i < order.size(); i++) {
      values.set(order.get(i), packed.get(i));
    }
    return values;
  }
}
