package dev.gavel.cli.training.data;

import dev.gavel.Context;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.cache.Pooler;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.Shuffle;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.TokenBudget;
import dev.gavel.text.row.RowError;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs the backbone over rows once and keeps the pooled vectors of their responses: all that
 * training a head needs. Responses are packed in a random order, drawn from the seed and the texts,
 * so that the place in a joint sequence tells nothing about which is better.
 */
final class VectorReader implements AutoCloseable {
  private final TextBackbone text;
  private final TokenBudget budget;
  private final long seed;
  private final Map<Pooling, Pooler> poolers = new LinkedHashMap<>();

  /**
   * A reader.
   *
   * @param text borrowed
   * @param poolings poolings to apply
   * @param seed of the order of responses
   */
  VectorReader(
      Context context, TextBackbone text, TokenBudget budget, List<Pooling> poolings, long seed) {
    this.text = text;
    this.budget = budget;
    this.seed = seed;
    for (Pooling pooling : poolings) {
      poolers.computeIfAbsent(pooling, _ -> new Pooler(context, pooling, text.width()));
    }
  }

  /** In which order responses are packed. */
  enum Order {
    /** The order drawn. */
    DRAWN,
    /** The same backwards. */
    REVERSED
  }

  /** Why the texts of a row cannot be used; empty where they can. */
  Optional<RowError> refusal(Layout layout, Row row) {
    try {
      // In the order of the row: a message counts its responses.
      text.tokenize(layout, budget, row.prompt(), row.responses());
      tokenize(layout, row, Shuffle.responses(seed, row.promptText(), row.responses()));
      return Optional.empty();
    } catch (InvalidArgumentException e) {
      return Optional.of(RowError.of(e));
    }
  }

  private PackedGroup tokenize(Layout layout, Row row, List<Integer> order) {
    List<String> shuffled = order.stream().map(row.responses()::get).toList();
    return text.tokenize(layout, budget, row.prompt(), shuffled).packed();
  }

  /**
   * Vectors of a row's responses, by pooling.
   *
   * @throws InvalidArgumentException if a text cannot be used
   */
  Map<Pooling, VectorGroup> read(Layout layout, Order chosen, Row row) {
    List<Integer> drawn = Shuffle.responses(seed, row.promptText(), row.responses());
    List<Integer> order = chosen == Order.DRAWN ? drawn : drawn.reversed();
    return text.run(
        tokenize(layout, row, order),
        batch -> {
          Map<Pooling, VectorGroup> groups = new LinkedHashMap<>();
          poolers.forEach((pooling, pooler) ->
              groups.put(pooling, group(pooler.vectors(batch), pooler.width(), row, order)));
          return groups;
        });
  }

  @Override
  public void close() {
    new ArrayList<>(poolers.values()).forEach(Pooler::close);
  }

  private static VectorGroup group(float[] packed, int width, Row row, List<Integer> order) {
    float[] vectors = new float[packed.length];
    for (int i = 0; i < order.size(); i++) {
      System.arraycopy(packed, i * width, vectors, order.get(i) * width, width);
    }
    return new VectorGroup(row.line(), GroupFacts.of(row), MemorySegment.ofArray(vectors));
  }
}
