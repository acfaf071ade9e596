package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.List;

/**
 * Pairs labelled by how much one response is preferred, as in HelpSteer2-Preference (arXiv
 * 2410.01257): a whole number whose sign says which response, and whose size says how much. What
 * they become in {@link dev.gavel.BradleyTerry}: pairs with the chosen response first, and margins
 * or weights.
 *
 * @param use what the size of a label is for
 * @param zero what a label of 0 means
 */
public record StrengthLabels(Use use, Zero zero) {

  /** What the size of a label is for. */
  public enum Use {
    /** Nothing: margin 0, weight 1. */
    REGULAR,
    /** The margin. */
    MARGIN,
    /** The weight. */
    SCALED
  }

  /** What a label of 0 means. */
  public enum Zero {
    /** An error. */
    REFUSE,
    /** A pair that is in no list. */
    LEAVE_OUT,
    /**
     * The second response is preferred, as in the code of NeMo-Aligner, in which only a label below
     * 0 prefers the first: with {@link Use#SCALED} its weight is 0, otherwise it teaches a
     * preference nobody stated. For comparison with models trained that way.
     */
    SECOND_PREFERRED
  }

  /**
   * Pairs of responses numbered 2 n and 2 n + 1 for label n.
   *
   * @param pairs chosen and rejected
   * @param margins one per pair
   * @param weights one per pair
   */
  public record Pairs(List<long[]> pairs, List<Double> margins, List<Double> weights) {
    /** Copies the lists. */
    public Pairs {
      pairs = List.copyOf(pairs);
      margins = List.copyOf(margins);
      weights = List.copyOf(weights);
    }
  }

  /**
   * Reads labels.
   *
   * @param labels below 0 where the first response is preferred, above 0 where the second is
   * @throws InvalidArgumentException if a label is 0 and {@link Zero#REFUSE}
   */
  public Pairs of(int... labels) {
    List<long[]> pairs = new ArrayList<>();
    List<Double> margins = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    for (int n = 0; n < labels.length; n++) {
      if (labels[n] == 0 && zero == Zero.REFUSE) {
        throw new InvalidArgumentException(
            "label %d is 0 and prefers neither response; leave it out, or say that it prefers the second as NeMo-Aligner does"
                .formatted(n));
      }
      if (labels[n] != 0 || zero == Zero.SECOND_PREFERRED) {
        long first = 2L * n;
        pairs.add(labels[n] < 0 ? new long[] {first, first + 1} : new long[] {first + 1, first});
        double size = Math.abs((double) labels[n]);
        margins.add(use == Use.MARGIN ? size : 0);
        weights.add(use == Use.SCALED ? size : 1);
      }
    }
    return new Pairs(pairs, margins, weights);
  }
}
