package dev.gavel.aggregation;

import java.util.Arrays;
import java.util.stream.IntStream;

/** What becomes of steps that have no score, because a response was cut before they ended. */
public enum MissingSteps {
  /** They are left out. */
  LEFT_OUT,
  /**
   * They score 1000, as in the public evaluator of ImplicitPRM: the least step is then the least of
   * those that are there, but a mean or a sum is nonsense. For comparison with numbers obtained
   * that way.
   */
  THOUSAND;

  private static final double SENTINEL = 1e3;

  /**
   * Scores to reduce.
   *
   * @param present whether a step has a score
   * @param scores one per step; not looked at where there is none
   */
  public double[] of(boolean[] present, double... scores) {
    Numbers.requireSameLength("marks", present.length, "scores", scores.length);
    return switch (this) {
      case LEFT_OUT ->
          IntStream.range(0, scores.length)
              .filter(i -> present[i])
              .mapToDouble(i -> scores[i])
              .toArray();
      case THOUSAND -> {
        double[] all = scores.clone();
        Arrays.setAll(all, i -> present[i] ? scores[i] : SENTINEL);
        yield all;
      }
    };
  }
}
