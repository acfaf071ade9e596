package dev.gavel;

import java.util.Optional;

/**
 * Pooling TOKEN_LOGPROB with its readout: how the log-probabilities of a span's tokens become a
 * score. With d_t = log p_t - reference_t, or log p_t without a reference, over the rows of the
 * span that the mask lets through:
 *
 * <pre>score = SUM, MEAN or MIN of d_t, or the mean of p_t; LOG_RATIO multiplies it by beta</pre>
 *
 * The implicit reward of "Free Process Rewards without Process Labels" (arXiv 2412.01981) is {@code
 * sum().withReference(reference).withLogRatio(beta)}; its step values are scores of {@link
 * Spans#cumulative} or {@link Spans#single}. CRew's confidence is {@link #meanProbability()} over
 * the final answer.
 *
 * <p>A span is invalid, its score -infinity, where it has no row or none that the mask lets
 * through.
 *
 * @param reduction how the span's rows become one number
 * @param beta factor of LOG_RATIO, finite and at least 2^-126; empty: IDENTITY
 * @param mask u8 [T], optional: 0 where a row is left out
 * @param reference f32 [T], optional: log-probabilities of the reference model
 */
public record TokenLogprob(
    Reduction reduction,
    Optional<Float> beta,
    Optional<HostTensor> mask,
    Optional<HostTensor> reference) {

  /** How the rows of a span become one number. */
  public enum Reduction {
    /** Their sum. */
    SUM,
    /** Their sum, divided by their number. */
    MEAN,
    /** The least; its gradient goes to the first of equals. */
    MIN,
    /** The mean of their probabilities e^(log p). */
    MEAN_PROB
  }

  /** Checks the choices against one another, and types and ranks. */
  public TokenLogprob {
    beta.ifPresent(TokenLogprob::requireBeta);
    if (reduction == Reduction.MEAN_PROB && (beta.isPresent() || reference.isPresent())) {
      throw new InvalidArgumentException(
          "token log-probability: MEAN_PROB pools probabilities, which have no reference and no LOG_RATIO; take SUM, MEAN or MIN");
    }
    mask.ifPresent(
        values -> LossChecks.requireTensor("mask values", values, DType.U8, "u8 [T]", 1));
    reference.ifPresent(values ->
        LossChecks.requireTensor(
            "log-probabilities of the reference", values, DType.F32, "f32 [T]", 1));
  }

  /** The sum of the log-probabilities. */
  public static TokenLogprob sum() {
    return of(Reduction.SUM);
  }

  /** Their mean. */
  public static TokenLogprob mean() {
    return of(Reduction.MEAN);
  }

  /** The least of them. */
  public static TokenLogprob min() {
    return of(Reduction.MIN);
  }

  /** The mean of the probabilities. */
  public static TokenLogprob meanProbability() {
    return of(Reduction.MEAN_PROB);
  }

  /** The same with a mask, u8 [T]: 0 where a row is left out. */
  public TokenLogprob withMask(HostTensor values) {
    return new TokenLogprob(reduction, beta, Optional.of(values), reference);
  }

  /** The same with log-probabilities of a reference model, f32 [T], which are taken off. */
  public TokenLogprob withReference(HostTensor values) {
    return new TokenLogprob(reduction, beta, mask, Optional.of(values));
  }

  /**
   * The same, read out as LOG_RATIO.
   *
   * @param value the factor, finite and at least 2^-126
   */
  public TokenLogprob withLogRatio(float value) {
    return new TokenLogprob(reduction, Optional.of(value), mask, reference);
  }

  private static void requireBeta(float value) {
    if (!Float.isFinite(value) || value < Float.MIN_NORMAL) {
      throw new InvalidArgumentException(
          "token log-probability: beta is %s; it must be finite and at least 2^-126"
              .formatted(value));
    }
  }

  private static TokenLogprob of(Reduction reduction) {
    return new TokenLogprob(reduction, Optional.empty(), Optional.empty(), Optional.empty());
  }
}
