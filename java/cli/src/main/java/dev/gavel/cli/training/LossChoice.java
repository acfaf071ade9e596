package dev.gavel.cli.training;

/** Which loss is minimised. */
public sealed interface LossChoice {
  /** In words, for people. */
  String describe();

  /**
   * Bradley-Terry over all pairs of a row with different labels; every row weighs the same.
   *
   * @param labelSmoothing 0 to 1
   * @param beta factor of the difference of scores
   * @param center factor of the squared sum of scores
   */
  record BradleyTerry(float labelSmoothing, float beta, float center) implements LossChoice {
    @Override
    public String describe() {
      return "Bradley-Terry (label smoothing %s, beta %s, center %s)"
          .formatted(labelSmoothing, beta, center);
    }
  }

  /**
   * Cross-entropy over the responses of a row; responses with the best label share the target.
   *
   * @param labelSmoothing part of the target that all responses share
   * @param temperature divides the scores
   */
  record CrossEntropy(float labelSmoothing, float temperature) implements LossChoice {
    @Override
    public String describe() {
      return "cross-entropy (label smoothing %s, temperature %s)"
          .formatted(labelSmoothing, temperature);
    }
  }
}
