package dev.gavel.bench;

import java.util.SplittableRandom;

/** Scores and a loss of them, with value and gradient in float64. */
final class LossCase {
  /** Responses of a prompt. */
  static final int GROUP = 4;

  private final Kind kind;
  private final float[] scores;

  private LossCase(Kind kind, float[] scores) {
    this.kind = kind;
    this.scores = scores;
  }

  Kind kind() {
    return kind;
  }

  /** N scores, not to be changed. */
  float[] scores() {
    return scores;
  }

  /** The losses; both are means over their items. */
  enum Kind {
    /** Scores 0 and 1, 2 and 3, ...: chosen and rejected. */
    BRADLEY_TERRY,
    /** Groups of {@link #GROUP}, the first of each is right. */
    CROSS_ENTROPY
  }

  /** Scores from the same seed every time; their number is a multiple of {@link #GROUP}. */
  static LossCase random(Kind kind, int count) {
    SplittableRandom random = new SplittableRandom(1);
    float[] scores = new float[count];
    for (int i = 0; i < count; i++) {
      scores[i] = (float) random.nextGaussian();
    }
    return new LossCase(kind, scores);
  }

  int items() {
    return scores.length / (kind == Kind.BRADLEY_TERRY ? 2 : GROUP);
  }

  /** The loss, then dL/dscore. */
  double[] reference() {
    double[] out = new double[1 + scores.length];
    int size = scores.length / items();
    for (int from = 0; from < scores.length; from += size) {
      // Bradley-Terry is the cross entropy of two.
      double sum = 0;
      for (int i = from; i < from + size; i++) {
        sum += Math.exp((double) scores[i]);
      }
      out[0] += (Math.log(sum) - scores[from]) / items();
      for (int i = from; i < from + size; i++) {
        out[1 + i] = (Math.exp((double) scores[i]) / sum - (i == from ? 1 : 0)) / items();
      }
    }
    return out;
  }

  /**
   * The largest error of a side, relative to the largest value.
   *
   * @throws IllegalStateException if it computes something else
   */
  double check(Side side) {
    side.run();
    float[] found = side.results();
    double[] expected = reference();
    double largest = 0;
    for (int i = 0; i < found.length; i++) {
      double scale = i == 0 ? 1 + expected[0] : 1.0 / items();
      largest = Math.max(largest, Math.abs(found[i] - expected[i]) / scale);
    }
    if (!(largest <= 1e-5)) {
      throw new IllegalStateException(
          "%s on %s of %d: error %s".formatted(side.name(), kind, scores.length, largest));
    }
    return largest;
  }
}
