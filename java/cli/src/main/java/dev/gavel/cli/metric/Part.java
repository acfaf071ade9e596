package dev.gavel.cli.metric;

import java.math.BigDecimal;

/**
 * Which part of a data set a prompt belongs to. With h the first 8 bytes of SHA-256 of its UTF-8,
 * as an unsigned big-endian number, a prompt is in the evaluation part where {@code h mod 10000 <
 * 10000 holdout}, else in the training part: rows of one prompt are never on both sides, whatever
 * else is in the file.
 */
public enum Part {
  /** Every row. */
  ALL,
  /** Rows that a head may learn from. */
  TRAINING,
  /** Rows that tell what it learned. */
  EVALUATION;

  private static final long BUCKETS = 10_000;

  /** Whether a prompt belongs to this part. */
  public boolean has(PromptHash prompt, double holdout) {
    boolean heldOut = isBelow(prompt.word(0), holdout);
    return switch (this) {
      case ALL -> true;
      case TRAINING -> !heldOut;
      case EVALUATION -> heldOut;
    };
  }

  /** Fold of a prompt, 0 to folds - 1: from the next 8 bytes, so that it tells nothing of parts. */
  public static int fold(PromptHash prompt, int folds) {
    return (int) Long.remainderUnsigned(prompt.word(1), folds);
  }

  /**
   * Whether a prompt is validated on, to choose the epoch that training ends with: from the 8 bytes
   * after those, so that it tells nothing of parts and folds.
   */
  public static boolean isValidation(PromptHash prompt, double fraction) {
    return isBelow(prompt.word(2), fraction);
  }

  private static boolean isBelow(long word, double fraction) {
    return BigDecimal.valueOf(Long.remainderUnsigned(word, BUCKETS)).compareTo(buckets(fraction))
        < 0;
  }

  /** 10000 times a part as it was written: in doubles, 10000 * 0.07 is more than 700. */
  public static BigDecimal buckets(double fraction) {
    return BigDecimal.valueOf(fraction).multiply(BigDecimal.valueOf(BUCKETS));
  }
}
