package dev.gavel.cli.training;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.cli.metric.Shuffle;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.TokenBudget;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the backbone over rows once and keeps the pooled vectors of their responses: all that
 * training a head needs. Responses are packed in a random order, drawn from the seed and the texts,
 * so that the place in a joint sequence tells nothing about which is better.
 */
public final class VectorReader implements AutoCloseable {
  private final TextBackbone text;
  private final TokenBudget budget;
  private final long seed;
  private final Map<Pooling, RewardHead> poolers = new LinkedHashMap<>();

  /**
   * A reader.
   *
   * @param text borrowed
   * @param poolings poolings to apply
   * @param seed of the order of responses
   */
  public VectorReader(
      Context context, TextBackbone text, TokenBudget budget, List<Pooling> poolings, long seed) {
    this.text = text;
    this.budget = budget;
    this.seed = seed;
    for (Pooling pooling : poolings) {
      // The kernel that pools is the one that scores: a head of no consequence makes it run.
      HeadSpec spec = HeadSpec.linear((int) pooling.vectorWidth(text.width())).build();
      poolers.computeIfAbsent(pooling, _ -> RewardHead.create(context, spec, Init.normal(0, 0)));
    }
  }

  /** In which order responses are packed. */
  public enum Order {
    /** The order drawn. */
    DRAWN,
    /** The same backwards. */
    REVERSED
  }

  /**
   * Vectors of a row's responses, by pooling.
   *
   * @throws InvalidArgumentException if a text cannot be used
   */
  public Map<Pooling, VectorGroup> read(Layout layout, Order chosen, Row row) {
    List<Integer> drawn = Shuffle.responses(seed, row.promptText(), row.responses());
    List<Integer> order = chosen == Order.DRAWN ? drawn : drawn.reversed();
    List<String> shuffled = order.stream().map(row.responses()::get).toList();
    PackedGroup packed = text.tokenize(layout, budget, row.prompt(), shuffled).packed();
    return text.run(
        packed,
        batch -> {
          Map<Pooling, VectorGroup> groups = new LinkedHashMap<>();
          poolers.forEach(
              (pooling, head) -> groups.put(pooling, pool(batch, pooling, head, row, order)));
          return groups;
        });
  }

  @Override
  public void close() {
    new ArrayList<>(poolers.values()).forEach(RewardHead::close);
  }

  private static VectorGroup pool(
      PackedBatch batch, Pooling pooling, RewardHead head, Row row, List<Integer> order) {
    try (ScoreBatch into =
        ScoreBatch.allocate(head.spec(), batch.responses(), ScoreBatch.Extra.VECTORS)) {
      head.score(batch, pooling, Readout.identity(), into);
      float[] shuffled = into.vectors().toFloats();
      int width = head.spec().inputWidth();
      float[] vectors = new float[shuffled.length];
      for (int i = 0; i < order.size(); i++) {
        System.arraycopy(shuffled, i * width, vectors, order.get(i) * width, width);
      }
      return new VectorGroup(row, vectors);
    }
  }
}
