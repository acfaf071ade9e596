package dev.gavel.cli.training;

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
}
