package dev.gavel.cli.training.data;

import dev.gavel.text.ModelConfig;

/**
 * What a head learns from and is measured on: vectors, wherever they came from.
 *
 * @param config configuration of a model that would make these vectors
 * @param hiddenStateWidth H of its backbone
 * @param training vectors of the training part
 * @param held vectors of the evaluation part; none where only folds are compared
 * @param rows rows that prefer one response to another
 * @param withoutPreference other rows, which are left out
 * @param bad rows that could not be used
 * @param trainingRows rows of the training part
 * @param onClose frees what the vectors lie in
 */
public record TrainingData(
    ModelConfig config,
    int hiddenStateWidth,
    TrainingVectors training,
    TrainingVectors held,
    int rows,
    int withoutPreference,
    int bad,
    int trainingRows,
    Runnable onClose)
    implements AutoCloseable {
  @Override
  public void close() {
    onClose.run();
  }
}
