package dev.gavel;

import java.util.Optional;

/**
 * Quantile regression (Koenker and Bassett 1978): one item per score, {@code weight max(quantile (y
 * - s), (quantile - 1) (y - s))}. A score whose target y is NaN has none and is skipped, as is a
 * masked one.
 *
 * @param targets f32 [N]: finite, or NaN
 * @param quantile above 0, below 1
 * @param weight 0 or more
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record Pinball(
    HostTensor targets,
    Amount quantile,
    Amount weight,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public Pinball {
    LossChecks.requireTensor("targets", targets, DType.F32, "f32 [N]", 1);
    if (quantile instanceof Amount.Same(float value) && !(value >= Float.MIN_NORMAL && value < 1)) {
      throw new InvalidArgumentException(
          "loss: quantile is %s; it must be above 0 and below 1".formatted(value));
    }
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1, no mask, mean over scores with a target. */
  static Pinball plain(HostTensor targets, Amount quantile) {
    return new Pinball(targets, quantile, Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return targets.size(0);
  }

  /** The same with another weight. */
  public Pinball withWeight(Amount value) {
    return new Pinball(targets, quantile, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public Pinball withMask(HostTensor value) {
    return new Pinball(targets, quantile, weight, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public Pinball withReduction(Reduction value) {
    return new Pinball(targets, quantile, weight, mask, value);
  }
}
