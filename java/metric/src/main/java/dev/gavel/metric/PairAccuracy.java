package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.List;

/**
 * How many pairs of a preferred and another response are in the right order.
 *
 * @param right pairs whose preferred response scores strictly higher
 * @param tied pairs with equal scores
 * @param pairs all pairs
 */
public record PairAccuracy(long right, long tied, long pairs) {
  /** Checks the numbers. */
  public PairAccuracy {
    if (right < 0 || tied < 0 || pairs < right || pairs - right < tied) {
      throw new InvalidArgumentException(
          "%d right and %d tied of %s; that cannot be"
              .formatted(right, tied, Counted.of(pairs, "pair")));
    }
  }

  /**
   * Counts.
   *
   * @param chosen scores of the preferred responses
   * @param rejected scores of the others, in the same order
   */
  public static PairAccuracy of(double[] chosen, double[] rejected) {
    Checks.requireSameLength("chosen", chosen.length, "rejected", rejected.length);
    Checks.requireScores("score of chosen", chosen);
    Checks.requireScores("score of rejected", rejected);
    long right = 0;
    long tied = 0;
    for (int i = 0; i < chosen.length; i++) {
      right += chosen[i] > rejected[i] ? 1 : 0;
      tied += chosen[i] == rejected[i] ? 1 : 0;
    }
    return new PairAccuracy(right, tied, chosen.length);
  }

  /**
   * Acc+ of MM-RLHF (arXiv 2502.10391): items all of whose pairs are right, a tie being wrong.
   *
   * @param items pairs of every item; one without a pair is an error
   */
  public static Proportion allPairs(List<PairAccuracy> items) {
    items.forEach(item -> Checks.requireSome("pair in an item", (int) Math.min(item.pairs, 1)));
    return new Proportion(
        items.stream().filter(item -> item.right == item.pairs).count(), items.size());
  }

  /** The counts of both. */
  public PairAccuracy plus(PairAccuracy other) {
    return new PairAccuracy(right + other.right, tied + other.tied, pairs + other.pairs);
  }

  /**
   * The accuracy.
   *
   * @param ties what a tie counts
   * @throws InvalidArgumentException if there is no pair
   */
  public double value(TieCredit ties) {
    Checks.requireSome("pair", (int) Math.min(pairs, 1));
    return (right + ties.value() * tied) / pairs;
  }

  /** The accuracy with a tie being wrong, with its interval. */
  public Proportion strict() {
    return new Proportion(right, pairs);
  }
}
