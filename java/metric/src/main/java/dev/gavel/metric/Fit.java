package dev.gavel.metric;

import java.util.OptionalDouble;
import org.hipparchus.stat.regression.SimpleRegression;

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
    double sum = 0;
    for (int i = 0; i < truths.length; i++) {
      sum += Math.abs(predictions[i] - truths[i]);
    }
    return sum / truths.length;
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
    if (Correlation.PEARSON.of(rewards, truths).isEmpty()) {
      return OptionalDouble.empty();
    }
    SimpleRegression line = new SimpleRegression();
    double[] x = Correlation.scaled(rewards);
    double[] y = Correlation.scaled(truths);
    for (int i = 0; i < x.length; i++) {
      line.addData(x[i], y[i]);
    }
    return OptionalDouble.of(line.getRSquare());
  }

  private static void check(double[] predictions, double[] truths) {
    Checks.requireSameLength("predictions", predictions.length, "truths", truths.length);
    Checks.requireFinite("prediction", predictions);
    Checks.requireFinite("truth", truths);
  }
}
