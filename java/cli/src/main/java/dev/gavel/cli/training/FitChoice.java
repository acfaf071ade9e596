package dev.gavel.cli.training;

import dev.gavel.message.Counted;

/**
 * How a head is fitted.
 *
 * @param loss which loss
 * @param epochs passes over the training rows
 * @param batchSize rows per step
 * @param learningRate of AdamW
 * @param weightDecay of weight matrices
 * @param seed of initial weights and of the order of rows
 */
public record FitChoice(
    LossChoice loss, int epochs, int batchSize, float learningRate, float weightDecay, long seed) {

  /** In words, for people. */
  public String describe() {
    return "%s, %s, batch %d, learning rate %s, weight decay %s"
        .formatted(
            loss.describe(), Counted.of(epochs, "epoch"), batchSize, learningRate, weightDecay);
  }
}
