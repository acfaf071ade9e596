package dev.gavel;

import java.util.Optional;

/**
 * The Bradley-Terry family: one item per pair (i, j) = (chosen, rejected). With z = beta (s_i -
 * s_j) - margin and sp(x) = max(x, 0) + log1p(exp(-|x|)), an item is
 *
 * <pre>weight ((1 - labelSmoothing) sp(-z) + labelSmoothing sp(z)) + center (s_i + s_j)²</pre>
 *
 * and for a pair marked as a tie {@code weight tie (s_i - s_j)²} stands in place of the first term.
 * A pair is invalid, and has loss and gradient 0, where one of its scores is masked. Margin: TRL
 * and HelpSteer2; center: TRL's center_rewards_coefficient; label smoothing: CREAM; ties: MM-RLHF.
 *
 * @param pairs i64 [P, 2]: numbers of the chosen and the rejected score, which differ
 * @param weight 0 or more
 * @param beta at least 2^-126
 * @param margin finite
 * @param labelSmoothing 0 to 1
 * @param center 0 or more
 * @param tie 0 or more
 * @param ties u8 [P], optional: 1 where the pair is a tie
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record BradleyTerry(
    HostTensor pairs,
    Amount weight,
    Amount beta,
    Amount margin,
    Amount labelSmoothing,
    Amount center,
    Amount tie,
    Optional<HostTensor> ties,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all pairs. */
  public BradleyTerry {
    LossChecks.requireTensor("pairs of a Bradley-Terry loss", pairs, DType.I64, "i64 [P,2]", 2);
    if (pairs.size(1) != 2) {
      throw new InvalidTensorException(
          "pairs of a Bradley-Terry loss are %s; they must be i64 [P,2]".formatted(pairs));
    }
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireAtLeast("beta", beta, Float.MIN_NORMAL);
    LossChecks.requireAtLeast("margin", margin, -Float.MAX_VALUE);
    LossChecks.requireAtLeast("label smoothing", labelSmoothing, 0);
    if (labelSmoothing instanceof Amount.Same(float value) && value > 1) {
      throw new InvalidArgumentException(
          "loss: label smoothing is %s; it must be 0 to 1".formatted(value));
    }
    LossChecks.requireAtLeast("center", center, 0);
    LossChecks.requireAtLeast("tie", tie, 0);
    LossChecks.requireMask("ties", ties);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1, beta 1, nothing else, mean over valid pairs. */
  static BradleyTerry plain(HostTensor pairs) {
    Amount none = Amount.of(0);
    Amount one = Amount.of(1);
    return new BradleyTerry(
        pairs,
        one,
        one,
        none,
        none,
        none,
        none,
        Optional.empty(),
        Optional.empty(),
        Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return pairs.size(0);
  }

  /** The same with another weight. */
  public BradleyTerry withWeight(Amount value) {
    return new BradleyTerry(
        pairs, value, beta, margin, labelSmoothing, center, tie, ties, mask, reduction);
  }

  /** The same with another beta. */
  public BradleyTerry withBeta(Amount value) {
    return new BradleyTerry(
        pairs, weight, value, margin, labelSmoothing, center, tie, ties, mask, reduction);
  }

  /** The same with another margin. */
  public BradleyTerry withMargin(Amount value) {
    return new BradleyTerry(
        pairs, weight, beta, value, labelSmoothing, center, tie, ties, mask, reduction);
  }

  /** The same with another label smoothing. */
  public BradleyTerry withLabelSmoothing(Amount value) {
    return new BradleyTerry(pairs, weight, beta, margin, value, center, tie, ties, mask, reduction);
  }

  /** The same with another center. */
  public BradleyTerry withCenter(Amount value) {
    return new BradleyTerry(
        pairs, weight, beta, margin, labelSmoothing, value, tie, ties, mask, reduction);
  }

  /**
   * The same with ties.
   *
   * @param marks u8 [P]: 1 where the pair is a tie
   * @param amount factor of (s_i - s_j)² of such a pair
   */
  public BradleyTerry withTies(HostTensor marks, Amount amount) {
    return new BradleyTerry(
        pairs,
        weight,
        beta,
        margin,
        labelSmoothing,
        center,
        amount,
        Optional.of(marks),
        mask,
        reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public BradleyTerry withMask(HostTensor values) {
    return new BradleyTerry(
        pairs,
        weight,
        beta,
        margin,
        labelSmoothing,
        center,
        tie,
        ties,
        Optional.of(values),
        reduction);
  }

  /** The same with another reduction. */
  public BradleyTerry withReduction(Reduction value) {
    return new BradleyTerry(
        pairs, weight, beta, margin, labelSmoothing, center, tie, ties, mask, value);
  }
}
