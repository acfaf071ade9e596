package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.UnsupportedException;

/**
 * A reward model without its backbone: scores vectors that the backbone and the pooling made
 * before, for instance those of a cache. The same vectors give the same bits as in {@link
 * RewardModel}.
 */
public final class VectorModel implements AutoCloseable {
  private final ModelConfig config;
  private final RewardModel.Options options;
  private final Context context;
  private final ScoringHead head;

  private VectorModel(
      ModelConfig config, RewardModel.Options options, Context context, ScoringHead head) {
    this.config = config;
    this.options = options;
    this.context = context;
    this.head = head;
  }

  /**
   * Loads configuration and head, and neither backbone nor tokenizer.
   *
   * @param nameOrFolder as {@link RewardModel#load(String)} takes it
   * @throws UnsupportedException if it scores the steps of responses, or its head has a gate or
   *     gives several objectives
   */
  public static VectorModel load(String nameOrFolder, RewardModel.Options options) {
    ModelLoader.Found found = ModelLoader.find(nameOrFolder, options.choices());
    if (found.reading().rows() == Reading.STEPS) {
      throw new UnsupportedException(
          "model %s scores the steps of responses, and vectors are kept of whole responses; score it from text"
              .formatted(found.config().name()));
    }
    if (found.reading().gate().isPresent()) {
      throw new UnsupportedException(
          "model %s has a gate, which reads a second row, and one vector is kept of a response; score it from text"
              .formatted(found.config().name()));
    }
    Context context = ModelLoader.context(options);
    try {
      ScoringHead head = found.head().load(context);
      if (head.width() != 1) {
        int objectives = head.objectives().size();
        head.close();
        throw new UnsupportedException(
            "model %s gives %d objectives, and from vectors one score per response is given; score it from text"
                .formatted(found.config().name(), objectives));
      }
      return new VectorModel(found.config(), options, context, head);
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
    return config.readoutValue();
  }

  /** Its head. */
  public RewardHead head() {
    return head.head();
  }

  /** The context its head runs on. */
  public Context context() {
    return context;
  }

  @Override
  public void close() {
    head.close();
    context.close();
  }
}
