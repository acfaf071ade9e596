package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.FormatException;
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
  private final RewardHead head;

  private VectorModel(
      ModelConfig config, RewardModel.Options options, Context context, RewardHead head) {
    this.config = config;
    this.options = options;
    this.context = context;
    this.head = head;
  }

  /**
   * Loads configuration and head, and neither backbone nor tokenizer.
   *
   * @param nameOrFolder as {@link RewardModel#load(String)} takes it
   * @throws UnsupportedException if it scores the steps of responses
   * @throws FormatException if the head gives more than one score per response
   */
  public static VectorModel load(String nameOrFolder, RewardModel.Options options) {
    RewardModel.Found found = RewardModel.find(nameOrFolder);
    if (found.reading() == Reading.STEPS) {
      throw new UnsupportedException(
          "model %s scores the steps of responses, and vectors are kept of whole responses; score it from text"
              .formatted(found.config().name()));
    }
    Context context =
        Context.open(
            Context.Options.defaults().withDevice(options.device()).withThreads(options.threads()));
    try {
      RewardHead head = found.head().load(context);
      try {
        RewardModel.requireOneScore(found.folder(), found.config(), head);
        return new VectorModel(found.config(), options, context, head);
      } catch (RuntimeException e) {
        head.close();
        throw e;
      }
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
    return head;
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
