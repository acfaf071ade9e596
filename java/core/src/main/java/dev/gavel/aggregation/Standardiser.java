package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;

/**
 * (score - mean) / deviation, with numbers fitted on a calibration set or stored with a checkpoint
 * (OpenRLHF, NeMo-Aligner; applied when scoring, never in training).
 *
 * @param mean of the calibration scores, finite
 * @param deviation their standard deviation, more than 0
 */
public record Standardiser(double mean, double deviation) {
  /** Checks both numbers. */
  public Standardiser {
    Numbers.requireFinite("mean", mean);
    if (!(deviation > 0) || Double.isInfinite(deviation)) {
      throw new InvalidArgumentException(
          "standard deviation %s of calibration scores; scores that do not differ cannot be standardised"
              .formatted(deviation));
    }
  }

  /**
   * Fits.
   *
   * @param divisor of the variance; RewardBench's ensembles and MAgICoRe take {@link Divisor#N}
   * @param scores of the calibration set, finite
   */
  public static Standardiser fit(Divisor divisor, double... scores) {
    double deviation = divisor.standardDeviation(scores);
    return new Standardiser(Numbers.mean(scores), deviation);
  }

  /** Standardised scores; -infinity stays. */
  public double[] of(double... scores) {
    Numbers.requireScores("score", scores);
    return Arrays.stream(scores).map(score -> Numbers.gap(score, mean, deviation)).toArray();
  }
}
