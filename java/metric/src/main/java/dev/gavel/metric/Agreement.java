package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

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
    long[] pairs = pairs(found, wanted);
    return Optional.of(
        new Agreement(
            bestScore > otherScore && !otherIsNan,
            bestScore == otherScore && !otherIsNan,
            (double) best / wanted.length,
            pairs[0],
            pairs[1],
            pairs[2]));
  }

  /**
   * Pairs in the right order, tied ones, all: from the lowest label up, each score is compared with
   * counts of those below its label, in n log n steps.
   */
  private static long[] pairs(float[] scores, double[] labels) {
    int n = scores.length;
    // 0 is added because -0 is 0 here, while a search tells them apart.
    double[] places =
        IntStream.range(0, n).mapToDouble(i -> scores[i] + 0.0).distinct().sorted().toArray();
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> labels[i] + 0.0))
            .mapToInt(Integer::intValue)
            .toArray();
    // A tree of counts (Fenwick 1994): entry p counts the places from p - (p & -p) + 1 to p.
    int[] counts = new int[places.length + 1];
    long[] pairs = new long[3];
    int below = 0;
    for (int k = 0; k < n; k++) {
      for (; labels[order[below]] < labels[order[k]]; below++) {
        float score = scores[order[below]];
        for (int p = place(places, score); !Float.isNaN(score) && p < counts.length; p += p & -p) {
          counts[p]++;
        }
      }
      pairs[2] += below;
      if (!Float.isNaN(scores[order[k]])) {
        int place = place(places, scores[order[k]]);
        int lower = upTo(counts, place - 1);
        pairs[0] += lower;
        pairs[1] += upTo(counts, place) - lower;
      }
    }
    return pairs;
  }

  /** From 1 on. */
  private static int place(double[] places, float score) {
    return Arrays.binarySearch(places, score + 0.0) + 1;
  }

  private static int upTo(int[] counts, int place) {
    int count = 0;
    for (int p = place; p > 0; p -= p & -p) {
      count += counts[p];
    }
    return count;
  }
}
