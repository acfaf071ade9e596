package dev.gavel.bench;

import java.util.SplittableRandom;

/** Scores and a loss of them, with value and gradient in float64. */
final class LossCase {
  /** Responses of a prompt, steps of a response, levels of a row. */
  static final int GROUP = 4;

  /** Margin of the wrong steps. */
  static final float ZETA = 0.5f;

  /** Exact as a float, so that all sides have the same. */
  static final float QUANTILE = 0.75f;

  private final Kind kind;
  private final float[] scores;
  private final float[] targets;

  private LossCase(Kind kind, float[] scores, float[] targets) {
    this.kind = kind;
    this.scores = scores;
    this.targets = targets;
  }

  Kind kind() {
    return kind;
  }

  /** N scores, not to be changed. */
  float[] scores() {
    return scores;
  }

  /** One for each score, 0 to 1, where the loss has some; not to be changed. */
  float[] targets() {
    return targets;
  }

  /** The losses; all are means over their items. */
  enum Kind {
    /** Scores 0 and 1, 2 and 3, ...: chosen and rejected. */
    BRADLEY_TERRY(2),
    /** Groups, the first entry of each is right. */
    CROSS_ENTROPY(GROUP),
    /** Groups, all places of each. */
    PLACKETT_LUCE(GROUP),
    /** Groups, all pairs of each. */
    PAIRWISE_RANKING(GROUP),
    /** Groups of steps, half of each correct. */
    STEP_RANKING(GROUP),
    /** Scores are items. */
    MSE(1),
    /** Scores are items. */
    BCE(1),
    /** Scores are items. */
    PINBALL(1),
    /** Rows of levels: 0 and 1, 2 and 3, ... are chosen and rejected. */
    ORDINAL(2 * GROUP);

    private final int size;

    Kind(int size) {
      this.size = size;
    }

    /** Scores of an item. */
    int size() {
      return size;
    }

    /** Whether it is the softmax of the first of a few. */
    boolean isSoftmax() {
      return this == BRADLEY_TERRY || this == CROSS_ENTROPY;
    }
  }

  /** The rank of an entry of a group, 0 is best: neighbouring groups have other orders. */
  static int rank(int group, int entry) {
    return (3 * entry + group) % GROUP;
  }

  /** The score of a group that has a rank. */
  int score(int group, int rank) {
    for (int entry = 0; entry < GROUP; entry++) {
      if (rank(group, entry) == rank) {
        return group * GROUP + entry;
      }
    }
    throw new IllegalArgumentException("rank %d".formatted(rank));
  }

  /** Whether the step of a score is correct: those of the better ranks are. */
  boolean isCorrect(int score) {
    return rank(score / GROUP, score % GROUP) < GROUP / 2;
  }

  /** Scores from the same seed every time; their number is a multiple of the items' size. */
  static LossCase random(Kind kind, int count) {
    SplittableRandom random = new SplittableRandom(1);
    float[] scores = new float[count];
    float[] targets = new float[count];
    for (int i = 0; i < count; i++) {
      scores[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < count; i++) {
      targets[i] = random.nextFloat();
    }
    return new LossCase(kind, scores, targets);
  }

  int items() {
    return scores.length / kind.size();
  }

  /**
   * The largest error of a side, relative to the largest value.
   *
   * @throws IllegalStateException if it computes something else
   */
  double check(Side side) {
    side.run();
    float[] found = side.results();
    double[] expected = LossReference.of(this);
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
