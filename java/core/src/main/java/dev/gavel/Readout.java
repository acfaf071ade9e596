package dev.gavel;

/** How a logit becomes a score. */
public sealed interface Readout {

  /** score = logit. */
  static Readout identity() {
    return Identity.ONE;
  }

  /** score = (logit - mean) / deviation. */
  static Readout affine(float mean, float deviation) {
    return new Affine(mean, deviation);
  }

  /** score = 1 / (1 + exp(-logit)). */
  static Readout sigmoid() {
    return Sigmoid.ONE;
  }

  /** score = logit. */
  record Identity() implements Readout {
    // One for all, so that a score call that names it allocates nothing.
    private static final Identity ONE = new Identity();
  }

  /**
   * score = (logit - mean) / deviation, as a checkpoint that stores the two standardises its
   * scores.
   *
   * @param mean finite
   * @param deviation finite, not 0
   */
  record Affine(float mean, float deviation) implements Readout {
    /** Checks both numbers. */
    public Affine {
      if (!Float.isFinite(mean)) {
        throw new InvalidArgumentException(
            "affine readout: mean is %s; it must be finite".formatted(mean));
      }
      if (!Float.isFinite(deviation) || Math.abs(deviation) < Float.MIN_NORMAL) {
        throw new InvalidArgumentException(
            "affine readout: deviation is %s; it must be finite and at least 2^-126 in size"
                .formatted(deviation));
      }
    }
  }

  /** score = 1 / (1 + exp(-logit)). */
  record Sigmoid() implements Readout {
    private static final Sigmoid ONE = new Sigmoid();
  }
}
