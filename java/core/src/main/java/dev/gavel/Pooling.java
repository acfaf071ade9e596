package dev.gavel;

/**
 * How the rows of a response become one vector: from hidden states [T, H] and the response's first
 * and last row to y [D]. Pooling TOKEN_LOGPROB, which reads a vocabulary instead of a head, is
 * {@link TokenLogprob}.
 */
public sealed interface Pooling {

  /** y = X[last], D = H. */
  static Pooling index() {
    return Index.ONE;
  }

  /** X[first] and X[last] combined. */
  static Pooling firstLast(Combine combine) {
    return new FirstLast(combine);
  }

  /** y = mean of X[first] to X[last], both included, D = H. */
  static Pooling spanMean() {
    return SpanMean.ONE;
  }

  /**
   * y = X[t] for every row t, D = H: dense scores, one for each row of the batch whatever responses
   * it has.
   */
  static Pooling all() {
    return All.ONE;
  }

  /**
   * D, the width of the vectors.
   *
   * @param hiddenWidth H, the width of the hidden states
   */
  default long vectorWidth(long hiddenWidth) {
    return this instanceof FirstLast(Combine combine) && combine == Combine.CONCAT
        ? 2 * hiddenWidth
        : hiddenWidth;
  }

  /** How the two ends of a response are combined. */
  enum Combine {
    /** [X[first]; X[last]], D = 2H. */
    CONCAT,
    /** X[first] + X[last], D = H. */
    ADD,
    /** X[last] - X[first], D = H. */
    SUB
  }

  /** y = X[last], D = H. */
  record Index() implements Pooling {
    // One for all, so that a score call that names it allocates nothing.
    private static final Index ONE = new Index();
  }

  /**
   * X[first] and X[last] combined.
   *
   * @param combine how
   */
  record FirstLast(Combine combine) implements Pooling {}

  /** y = X[t] for every row t, D = H. */
  record All() implements Pooling {
    private static final All ONE = new All();
  }

  /** y = mean of X[first] to X[last], both included, D = H. */
  record SpanMean() implements Pooling {
    private static final SpanMean ONE = new SpanMean();
  }
}
