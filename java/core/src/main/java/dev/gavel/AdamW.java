package dev.gavel;

/**
 * Settings of AdamW (Loshchilov and Hutter 2019; arithmetic as {@code torch.optim.AdamW}):
 * decoupled weight decay, f32 master weights and moments.
 *
 * @param learningRate of steps that name no other, 0 or more
 * @param beta1 decay of the first moment, 0 to below 1
 * @param beta2 decay of the second moment, 0 to below 1
 * @param epsilon more than 0
 * @param matrixWeightDecay decay of weight matrices, 0 or more
 * @param vectorWeightDecay decay of biases, norms and slopes, 0 or more; torch decays them as it
 *     does matrices
 */
public record AdamW(
    float learningRate,
    float beta1,
    float beta2,
    float epsilon,
    float matrixWeightDecay,
    float vectorWeightDecay) {

  /** Checks every number. */
  public AdamW {
    require("AdamW learning rate", learningRate, learningRate >= 0, "0 or more");
    require("AdamW beta1", beta1, beta1 >= 0 && beta1 < 1, "0 to below 1");
    require("AdamW beta2", beta2, beta2 >= 0 && beta2 < 1, "0 to below 1");
    require("AdamW epsilon", epsilon, epsilon >= Float.MIN_NORMAL, "at least 2^-126");
    require("AdamW matrix weight decay", matrixWeightDecay, matrixWeightDecay >= 0, "0 or more");
    require("AdamW vector weight decay", vectorWeightDecay, vectorWeightDecay >= 0, "0 or more");
  }

  /**
   * Learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0.01 of matrices and 0 of vectors.
   */
  public static AdamW defaults() {
    return new AdamW(1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0);
  }

  /** The same with another learning rate. */
  public AdamW withLearningRate(float value) {
    return new AdamW(value, beta1, beta2, epsilon, matrixWeightDecay, vectorWeightDecay);
  }

  /** The same with other betas. */
  public AdamW withBetas(float first, float second) {
    return new AdamW(learningRate, first, second, epsilon, matrixWeightDecay, vectorWeightDecay);
  }

  /** The same with another epsilon. */
  public AdamW withEpsilon(float value) {
    return new AdamW(learningRate, beta1, beta2, value, matrixWeightDecay, vectorWeightDecay);
  }

  /** The same with other weight decays. */
  public AdamW withWeightDecay(float matrices, float vectors) {
    return new AdamW(learningRate, beta1, beta2, epsilon, matrices, vectors);
  }

  static void require(String what, float found, boolean holds, String rule) {
    if (!Float.isFinite(found) || !holds) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and %s".formatted(what, found, rule));
    }
  }
}
