package dev.gavel;

/**
 * How the losses of items (pairs, groups or scores) become one number, and with it the scale of
 * every gradient.
 */
public enum Reduction {
  /** No number; gradients are those of the sum. */
  NONE(0),
  /** Sum over items / number of valid items; 0 where there is none. */
  MEAN_VALID(1),
  /** Sum over items. */
  SUM(2),
  /** Sum over items / sum of the weights of valid items; 0 where that is 0. */
  WEIGHTED_MEAN(3);

  private final int code;

  Reduction(int code) {
    this.code = code;
  }

  /** The number the C header has for it. */
  int code() {
    return code;
  }
}
