package dev.gavel.cli.training.folder;

import dev.gavel.Layout;
import dev.gavel.cli.training.Candidate;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.TokenBudget;
import java.util.List;

/**
 * Everything a model was made with.
 *
 * @param config its configuration
 * @param candidate head and fit
 * @param layouts layouts it learned from; the first is its own
 * @param reversed whether it also learned from joint sequences in the opposite order
 * @param hiddenStateWidth H of its backbone
 * @param validation part of the training rows that chose the epoch; 0 for none
 * @param patience epochs without a lower validation loss after which training stops; 0 for never
 * @param seed of everything random
 * @param holdout part of the prompts it did not learn from
 * @param data what it learned from
 */
public record TrainedModel(
    ModelConfig config,
    Candidate candidate,
    List<Layout> layouts,
    boolean reversed,
    int hiddenStateWidth,
    double validation,
    int patience,
    long seed,
    double holdout,
    Data data) {
  /** Copies the list. */
  public TrainedModel {
    layouts = List.copyOf(layouts);
  }

  /** What it is called. */
  public String name() {
    return config.name();
  }

  /** Tokens kept. */
  public TokenBudget budget() {
    return config.budget();
  }

  /**
   * What it learned from.
   *
   * @param file the file, or the index of a cache
   * @param rows rows that prefer one response to another
   * @param withoutPreference other rows, which were left out
   * @param bad rows that could not be used
   * @param training rows of the training part
   * @param note origin and licence
   * @param purpose what the model is for
   */
  public record Data(
      DataFile file,
      int rows,
      int withoutPreference,
      int bad,
      int training,
      String note,
      String purpose) {}
}
