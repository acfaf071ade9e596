package dev.gavel;

import java.util.Optional;

/**
 * Binary cross-entropy of logits: one item per score, with sp(x) = max(x, 0) + log1p(exp(-|x|)):
 *
 * <pre>weight (positiveWeight y sp(-s) + (1 - y) sp(s))</pre>
 *
 * A score whose target y is NaN has none and is skipped, as is a masked one. Two-class logits are
 * the score z_1 - z_0.
 *
 * @param targets f32 [N]: 0 to 1, or NaN
 * @param positiveWeight factor of the positive term, 0 or more
 * @param weight 0 or more
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record Bce(
    HostTensor targets,
    Amount positiveWeight,
    Amount weight,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public Bce {
    LossChecks.requireTensor("targets", targets, DType.F32, "f32 [N]", 1);
    LossChecks.requireAtLeast("positive weight", positiveWeight, 0);
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1 for all, no mask, mean over scores with a target. */
  static Bce plain(HostTensor targets) {
    return new Bce(targets, Amount.of(1), Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return targets.size(0);
  }

  /** The same with another positive weight. */
  public Bce withPositiveWeight(Amount value) {
    return new Bce(targets, value, weight, mask, reduction);
  }

  /** The same with another weight. */
  public Bce withWeight(Amount value) {
    return new Bce(targets, positiveWeight, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public Bce withMask(HostTensor value) {
    return new Bce(targets, positiveWeight, weight, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public Bce withReduction(Reduction value) {
    return new Bce(targets, positiveWeight, weight, mask, value);
  }
}
