package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Expected calibration error (Naeini 2015; Guo 2017, arXiv 1706.04599): confidences are put into
 * bins of equal width, and the error is Σ_b n_b / n |accuracy_b - mean confidence_b|.
 *
 * @param bins how many, 1 or more; 10 and 15 are common
 * @param edge which bin a confidence between two belongs to
 */
public record CalibrationError(int bins, Edge edge) {
  /** Which bin a confidence on the border of two belongs to; 0 is in the first, 1 in the last. */
  public enum Edge {
    /** The lower one, (low, high]: Guo's code. */
    LOWER,
    /** The upper one, [low, high). */
    UPPER
  }

  /** Checks the number of bins. */
  public CalibrationError {
    if (bins < 1) {
      throw new InvalidArgumentException("%d bins; there must be 1 or more".formatted(bins));
    }
  }

  /**
   * The error.
   *
   * @param confidences 0 to 1, one or more; of a pair 1 / (1 + exp(-gap of scores))
   * @param right whether each was right
   */
  public double of(double[] confidences, boolean[] right) {
    Checks.requireSameLength("confidences", confidences.length, "answers", right.length);
    Checks.requireSome("confidence", confidences.length);
    // Only bins that have one, since there may be more bins than memory.
    SortedMap<Integer, Double> excess = new TreeMap<>();
    for (int i = 0; i < confidences.length; i++) {
      if (!(confidences[i] >= 0 && confidences[i] <= 1)) {
        Checks.requireShare("confidence " + i, confidences[i]);
      }
      excess.merge(bin(confidences[i]), confidences[i] - (right[i] ? 1 : 0), Double::sum);
    }
    double sum = 0;
    for (double bin : excess.values()) {
      sum += Math.abs(bin);
    }
    return sum / confidences.length;
  }

  private int bin(double confidence) {
    // The product rounds: where the border of two bins is meant it may be beside it.
    int bin = (int) Math.min(confidence * bins, bins - 1);
    while (bin > 0 && !isAbove(confidence, bin)) {
      bin--;
    }
    while (bin < bins - 1 && isAbove(confidence, bin + 1)) {
      bin++;
    }
    return bin;
  }

  /** Whether a confidence is in the bin that begins here, or a higher one. */
  private boolean isAbove(double confidence, int bin) {
    double border = (double) bin / bins;
    return edge == Edge.UPPER ? confidence >= border : confidence > border;
  }
}
