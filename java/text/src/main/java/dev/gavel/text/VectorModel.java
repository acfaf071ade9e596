package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.UnsupportedException;
import dev.gavel.checkpoint.GateRows;
import java.util.List;
import java.util.Optional;

/**
 * A reward model without its backbone: scores vectors that the backbone and the pooling made
 * before, for instance those of a cache. The same vectors give the same bits as in {@link
 * RewardModel}.
 */
public final class VectorModel implements AutoCloseable {
  private final ModelConfig config;
  private final HeadReading reading;
  private final RewardModel.Options options;
  private final Context context;
  private final ScoringHead head;
  private final UseCount uses;

  private VectorModel(
      ModelLoader.Found found, RewardModel.Options options, Context context, ScoringHead head) {
    this.config = found.config();
    this.uses = new UseCount("model " + config.name());
    this.reading = found.reading();
    this.options = options;
    this.context = context;
    this.head = head;
  }

  /**
   * Loads configuration and head, and neither backbone nor tokenizer.
   *
   * @param nameOrFolder as {@link RewardModel#load(String)} takes it
   * @throws UnsupportedException if it scores the steps of responses
   */
  public static VectorModel load(String nameOrFolder, RewardModel.Options options) {
    ModelLoader.Found found = ModelLoader.find(nameOrFolder, options.choices());
    if (found.reading().rows() == Reading.STEPS) {
      throw new UnsupportedException(
          "model %s scores the steps of responses, and vectors are kept of whole responses; score it from text"
              .formatted(found.config().name()));
    }
    Context context = ModelLoader.context(options);
    try {
      return new VectorModel(found, options, context, found.head().load(context));
    } catch (RuntimeException e) {
      context.close();
      throw e;
    }
  }

  /** The configuration it was loaded from. */
  public ModelConfig config() {
    return config;
  }

  /** The layout in use. */
  public Layout layout() {
    return options.layout().orElseGet(config::layoutValue);
  }

  /** The budget in use. */
  public TokenBudget budget() {
    return options.apply(config.budget());
  }

  /** What was chosen beside its files. */
  public ModelChoices choices() {
    return options.choices();
  }

  /** How rows became the vectors its head takes. */
  public Pooling pooling() {
    return config.poolingValue();
  }

  /** How logits become scores. */
  public Readout readout() {
    return head.readout();
  }

  /** Where its gate is read; empty without one. */
  public Optional<GateRows> gateRows() {
    return reading.gate();
  }

  /** Which rows of a sequence a vector of a response is made of, in words. */
  public String rowsRead() {
    return reading.described();
  }

  /** What its head gives for a response. */
  public HeadOutputs outputs() {
    return head.outputs();
  }

  /**
   * What the head gives for vectors.
   *
   * @param batch a row for each response, and of a head with a gate its gate rows
   * @return as {@link #outputs} says, response by response
   */
  public List<Float> values(PackedBatch batch) {
    return uses.during(() -> head.valuesOfVectors(batch));
  }

  /**
   * The scores of a group of responses, from what the head gave for them.
   *
   * @param values as {@link #values} has them
   * @param kept what became of the texts
   */
  public GroupScore groupScore(List<Float> values, Kept kept) {
    return new GroupScore(
        outputs().scores(values),
        outputs().scoreSpread(values),
        List.of(),
        outputs().objectives(values),
        layout(),
        kept.passes(),
        kept.sharedTokens(),
        kept.tokens(),
        kept.truncated(),
        kept.promptTokens(),
        kept.promptTruncated(),
        kept.specialLiterals(),
        config.readout().kind(),
        kept.template());
  }

  /** What a {@link GroupScore} says of the texts that vectors were made of. */
  public record Kept(
      int passes,
      int sharedTokens,
      List<Integer> tokens,
      List<Integer> truncated,
      int promptTokens,
      int promptTruncated,
      int specialLiterals,
      String template) {
    /** Copies the lists. */
    public Kept {
      tokens = List.copyOf(tokens);
      truncated = List.copyOf(truncated);
    }
  }

  /** Its head. */
  public RewardHead head() {
    return head.head();
  }

  /** The context its head runs on. */
  public Context context() {
    return context;
  }

  /**
   * Frees its memory; calls afterwards throw {@link IllegalStateException}. Closing again does
   * nothing.
   *
   * @throws IllegalStateException while a call of another thread runs; the model stays as it was
   */
  @Override
  public void close() {
    uses.close();
    head.close();
    context.close();
  }
}
