package dev.gavel.cli.training;

import dev.gavel.HeadSpec;

/**
 * One way to train.
 *
 * @param head the head
 * @param fit how it is fitted
 */
public record Candidate(HeadChoice head, FitChoice fit) {
  /** In words, for people. */
  public String describe() {
    return head.describe() + "; " + fit.describe();
  }

  /**
   * The spec of the head, with the logits the loss needs.
   *
   * @param hiddenStateWidth H of the backbone
   */
  public HeadSpec spec(int hiddenStateWidth) {
    return head.spec(hiddenStateWidth, fit.loss().logits());
  }
}
