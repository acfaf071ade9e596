package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * How scores of one row agree with what people prefer. With two responses {@code best} is the
 * accuracy of RewardBench: the preferred one must score strictly higher, a tie is wrong.
 *
 * @param best whether a response that people like best scores higher than every one they do not
 * @param tie whether the highest score of the first kind equals that of the second
 * @param chance probability that a random order is right
 * @param pairsRight pairs of responses with different labels in the right order
 * @param pairsTied such pairs with the same score
 * @param pairs such pairs
 */
public record Agreement(
    boolean best, boolean tie, double chance, long pairsRight, long pairsTied, long pairs) {

  /**
   * Compares.
   *
   * @param scores one per response; NaN is never higher than anything
   * @param labels one per response, higher is better
   * @return empty where all labels are the same: there is nothing to agree with
   * @throws InvalidArgumentException if there is no label, not one for each score, or one is NaN
   */
  public static Optional<Agreement> of(List<Float> scores, List<Double> labels) {
    Checks.requireSameLength("scores", scores.size(), "labels", labels.size());
    Checks.requireSome("label", labels.size());
    double[] wanted = labels.stream().mapToDouble(Double::doubleValue).toArray();
    for (int i = 0; i < wanted.length; i++) {
      if (Double.isNaN(wanted[i])) {
        throw new InvalidArgumentException(
            "label %d of %d is NaN; it must be a number".formatted(i, wanted.length));
      }
    }
    float[] found = new float[wanted.length];
    int next = 0;
    for (float score : scores) {
      found[next++] = score;
    }
    double top = Arrays.stream(wanted).max().orElseThrow();
    // NaN until one is a number: NaN neither beats nor equals.
    double bestScore = Double.NaN;
    double otherScore = Double.NEGATIVE_INFINITY;
    boolean otherIsNan = false;
    int best = 0;
    for (int i = 0; i < wanted.length; i++) {
      float score = found[i];
      if (wanted[i] == top) {
        best++;
        bestScore = score > bestScore || Double.isNaN(bestScore) ? score : bestScore;
      } else {
        otherIsNan |= Float.isNaN(score);
        otherScore = score > otherScore ? score : otherScore;
      }
    }
    if (best == wanted.length) {
      return Optional.empty();
    }
    OrderedPairs pairs = OrderedPairs.of(found, wanted);
    return Optional.of(
        new Agreement(
            bestScore > otherScore && !otherIsNan,
            bestScore == otherScore && !otherIsNan,
            (double) best / wanted.length,
            pairs.right(),
            pairs.tied(),
            pairs.all()));
  }
}
