package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;

/** Cross-entropy of a step's logit z with the label y that says whether the step is right. */
public enum StepObjective {
  /** log(1 + exp(z)) - y z: what {@link dev.gavel.Bce} computes. */
  BCE,
  /**
   * The objective "bce" in the public code of BiPRM, which puts the probabilities p and 1 - p where
   * logits belong: log(exp(p) + exp(1 - p)) - y p - (1 - y) (1 - p). For p = .01, .5 and .99 of a
   * right step it is 1.299, .693 and .319 instead of 4.605, .693 and .010: a step that is wrong for
   * certain teaches hardly more than one that is uncertain. For comparison with models trained that
   * way.
   */
  PROBABILITIES_AS_LOGITS;

  /**
   * The loss.
   *
   * @param logit z, finite
   * @param label y, 0 to 1
   */
  public double loss(double logit, double label) {
    double z = argument(logit, label);
    // Both parts 0 or more, so that a right step that is certain keeps its digits.
    return (1 - label) * Numbers.softplus(z) + label * Numbers.softplus(-z);
  }

  /**
   * Its derivative by the logit.
   *
   * @param logit z, finite
   * @param label y, 0 to 1
   */
  public double gradient(double logit, double label) {
    double z = argument(logit, label);
    double outer = (1 - label) * Numbers.sigmoid(z) - label * Numbers.sigmoid(-z);
    return this == BCE ? outer : outer * 2 * Numbers.sigmoid(logit) * Numbers.sigmoid(-logit);
  }

  // log(exp(p) + exp(1 - p)) - y p - (1 - y) (1 - p) is the cross-entropy of the logit 2 p - 1.
  private double argument(double logit, double label) {
    Numbers.requireFinite("logit", logit);
    if (!(label >= 0 && label <= 1)) {
      throw new InvalidArgumentException(
          "label is %s; it must be between 0 and 1".formatted(label));
    }
    return this == BCE ? logit : 2 * Numbers.sigmoid(logit) - 1;
  }
}
