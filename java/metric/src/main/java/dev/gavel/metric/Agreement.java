package dev.gavel.metric;

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
    boolean best, boolean tie, double chance, int pairsRight, int pairsTied, int pairs) {

  /**
   * Compares.
   *
   * @param scores one per response; NaN is never higher than anything
   * @param labels one per response, higher is better
   * @return empty where all labels are the same: there is nothing to agree with
   */
  public static Optional<Agreement> of(List<Float> scores, List<Double> labels) {
    double top = labels.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    double bestScore = Double.NEGATIVE_INFINITY;
    double otherScore = Double.NEGATIVE_INFINITY;
    boolean otherIsNan = false;
    int best = 0;
    int pairsRight = 0;
    int pairsTied = 0;
    int pairs = 0;
    for (int i = 0; i < labels.size(); i++) {
      float score = scores.get(i);
      if (labels.get(i) == top) {
        best++;
        bestScore = score > bestScore ? score : bestScore;
      } else {
        otherIsNan |= Float.isNaN(score);
        otherScore = score > otherScore ? score : otherScore;
      }
      for (int j = 0; j < labels.size(); j++) {
        if (labels.get(i) > labels.get(j)) {
          pairs++;
          pairsRight += score > scores.get(j) ? 1 : 0;
          pairsTied += score == scores.get(j) ? 1 : 0;
        }
      }
    }
    if (best == labels.size()) {
      return Optional.empty();
    }
    return Optional.of(
        new Agreement(
            bestScore > otherScore && !otherIsNan,
            bestScore == otherScore && !otherIsNan,
            (double) best / labels.size(),
            pairsRight,
            pairsTied,
            pairs));
  }
}
