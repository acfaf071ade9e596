package dev.gavel.metric;

import java.util.Arrays;
import java.util.OptionalDouble;

/** How far predicted numbers are from true ones. */
public final class Fit {
  private Fit() {}

  /**
   * MAE: the mean of |prediction - truth|.
   *
   * @param predictions finite, one or more
   * @param truths finite, as many
   */
  public static double meanAbsoluteError(double[] predictions, double[] truths) {
    check(predictions, truths);
    Checks.requireSome("prediction", predictions.length);
    double[] errors = new double[truths.length];
    Arrays.setAll(errors, i -> Math.abs(predictions[i] - truths[i]));
    return Checks.mean(errors);
  }

  /**
   * R²: 1 - SSE / SST of the least-squares line of truth on reward, so how much of what is true a
   * reward tells (PF-PPO, arXiv 2409.06957, on the responses that a filter leaves).
   *
   * @param rewards finite
   * @param truths finite, as many
   * @return empty for fewer than two items, or where one list does not vary
   */
  public static OptionalDouble determination(double[] rewards, double[] truths) {
    check(rewards, truths);
    // Of a line with an intercept it is the square of the correlation.
    OptionalDouble r = Correlation.PEARSON.of(rewards, truths);
    return r.isEmpty() ? r : OptionalDouble.of(r.getAsDouble() * r.getAsDouble());
  }

  private static void check(double[] predictions, double[] truths) {
    Checks.requireSameLength("predictions", predictions.length, "truths", truths.length);
    Checks.requireFinite("prediction", predictions);
    Checks.requireFinite("truth", truths);
  }
}
