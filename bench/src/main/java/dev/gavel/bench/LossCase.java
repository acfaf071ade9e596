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

  /** The losses; all are means over their items. */
  enum Kind {
    /** Scores 0 and 1, 2 and 3, ...: chosen and rejected. */
    BRADLEY_TERRY,
    /** Groups of {@link #GROUP}, the first of each is right. */
    CROSS_ENTROPY,
    /** Groups of {@link #GROUP}, all places of each. */
    PLACKETT_LUCE,
    /** Groups of {@link #GROUP}, all pairs of each. */
    PAIRWISE_RANKING;

    boolean ranked() {
      return this == PLACKETT_LUCE || this == PAIRWISE_RANKING;
    }
  }

  /** The rank of an entry of a group, 0 is best: neighbouring groups have other orders. */
  static int rank(int group, int entry) {
    return (3 * entry + group) % GROUP;
  }

  /** The entry of a group that has a rank. */
  static int entry(int group, int rank) {
    for (int entry = 0; entry < GROUP; entry++) {
      if (rank(group, entry) == rank) {
        return entry;
      }
    }
    throw new IllegalArgumentException("rank %d".formatted(rank));
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
    return kind.ranked() ? rankedReference() : softmaxReference();
  }

  private double[] rankedReference() {
    double[] out = new double[1 + scores.length];
    double share = 1.0 / items();
    double pairs = GROUP * (GROUP - 1) / 2;
    for (int group = 0; group < items(); group++) {
      for (int rank = 0; rank + 1 < GROUP; rank++) {
        int better = group * GROUP + entry(group, rank);
        double sum = Math.exp((double) scores[better]);
        for (int worse = rank + 1; worse < GROUP; worse++) {
          int other = group * GROUP + entry(group, worse);
          sum += Math.exp((double) scores[other]);
          if (kind == Kind.PAIRWISE_RANKING) {
            double wrong = Math.exp((double) scores[other] - scores[better]);
            out[0] += Math.log1p(wrong) * share / pairs;
            out[1 + better] -= wrong / (1 + wrong) * share / pairs;
            out[1 + other] += wrong / (1 + wrong) * share / pairs;
          }
        }
        if (kind == Kind.PLACKETT_LUCE) {
          out[0] += (Math.log(sum) - scores[better]) * share;
          out[1 + better] -= share;
          for (int place = rank; place < GROUP; place++) {
            int one = group * GROUP + entry(group, place);
            out[1 + one] += Math.exp((double) scores[one]) / sum * share;
          }
        }
      }
    }
    return out;
  }

  private double[] softmaxReference() {
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
