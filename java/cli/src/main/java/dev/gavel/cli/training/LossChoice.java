package dev.gavel.cli.training;

import dev.gavel.Readout;
import dev.gavel.message.Counted;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/** Which loss is minimised. */
public sealed interface LossChoice {
  /** In words, for people. */
  String describe();

  /** Logits it needs of the head. */
  default int logits() {
    return 1;
  }

  /** How the logits become the score of a response. */
  default Readout readout() {
    return Readout.identity();
  }

  /**
   * What is wrong with the labels of a row for this loss, if anything.
   *
   * @param labels of its responses, higher is better
   */
  default Optional<String> refusal(List<Double> labels) {
    return Optional.empty();
  }

  /** What is wrong with labels that are targets: scores are f32, and cannot reach all of f64. */
  private static Optional<String> beyondFloat(List<Double> labels) {
    return labels.stream().allMatch(label -> Math.abs(label) <= Float.MAX_VALUE)
        ? Optional.empty()
        : Optional.of("has labels that are beyond the range of f32, as scores are");
  }

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

  /**
   * Plackett-Luce over the order of the labels.
   *
   * @param topK places that count, from the best; 0 for all
   * @param temperature divides the scores
   */
  record PlackettLuce(int topK, float temperature) implements LossChoice {
    @Override
    public String describe() {
      return "Plackett-Luce (top k %s, temperature %s)"
          .formatted(topK == 0 ? "all" : topK, temperature);
    }

    @Override
    public Optional<String> refusal(List<Double> labels) {
      return new HashSet<>(labels).size() < labels.size()
          ? Optional.of("has ties, and Plackett-Luce needs an order; use pairwise")
          : Optional.empty();
    }
  }

  /**
   * All pairs of a ranking; every row weighs the same.
   *
   * @param beta factor of the difference of scores
   */
  record PairwiseRanking(float beta) implements LossChoice {
    @Override
    public String describe() {
      return "pairwise ranking (beta %s)".formatted(beta);
    }
  }

  /** Squared difference of score and label. */
  record Mse() implements LossChoice {
    @Override
    public String describe() {
      return "squared error";
    }

    @Override
    public Optional<String> refusal(List<Double> labels) {
      return beyondFloat(labels);
    }
  }

  /**
   * Binary cross-entropy; a label is the probability that the response is right.
   *
   * @param positiveWeight factor of the term of right responses
   */
  record Bce(float positiveWeight) implements LossChoice {
    @Override
    public String describe() {
      return "binary cross-entropy (positive weight %s)".formatted(positiveWeight);
    }

    @Override
    public Optional<String> refusal(List<Double> labels) {
      return labels.stream().allMatch(label -> label >= 0 && label <= 1)
          ? Optional.empty()
          : Optional.of("has labels that are no probabilities between 0 and 1");
    }
  }

  /**
   * A quantile of the label.
   *
   * @param quantile which, above 0 and below 1
   */
  record Pinball(float quantile) implements LossChoice {
    @Override
    public String describe() {
      return "pinball (quantile %s)".formatted(quantile);
    }

    @Override
    public Optional<String> refusal(List<Double> labels) {
      return beyondFloat(labels);
    }
  }

  /**
   * Ranked steps (PQM): the responses of a row are the steps of one solution, in order.
   *
   * @param zeta margin of the wrong steps
   */
  record StepRanking(float zeta) implements LossChoice {
    @Override
    public String describe() {
      return "step ranking (zeta %s)".formatted(zeta);
    }

    @Override
    public Optional<String> refusal(List<Double> labels) {
      return labels.stream().allMatch(label -> label == 0 || label == 1)
          ? Optional.empty()
          : Optional.of("has labels other than 1 for a right step and 0 for a wrong one");
    }
  }

  /**
   * Ordinal preference (OPRM) over all pairs of a row with different labels: how likely the level
   * of the preferred response is above that of the other; every row weighs the same.
   *
   * @param levels 1 to this many, a logit for each; the score is their mean
   */
  record Ordinal(int levels) implements LossChoice {
    @Override
    public String describe() {
      return "ordinal (%s)".formatted(Counted.of(levels, "level"));
    }

    @Override
    public int logits() {
      return levels;
    }

    @Override
    public Readout readout() {
      float[] values = new float[levels];
      for (int k = 0; k < levels; k++) {
        values[k] = k + 1;
      }
      return Readout.expectation(values);
    }
  }
}
