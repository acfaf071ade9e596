package dev.gavel;

import java.util.Optional;

/**
 * Squared error: one item per score, {@code weight (s - y)²}. A score whose target y is NaN has
 * none and is skipped, as is a masked one. Several attributes: scores and targets row by row.
 *
 * @param targets f32 [N]: finite, or NaN
 * @param weight 0 or more
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record Mse(HostTensor targets, Amount weight, Optional<HostTensor> mask, Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public Mse {
    LossChecks.requireTensor("targets", targets, DType.F32, "f32 [N]", 1);
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1, no mask, mean over scores with a target. */
  static Mse plain(HostTensor targets) {
    return new Mse(targets, Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return targets.size(0);
  }

  /** The same with another weight. */
  public Mse withWeight(Amount value) {
    return new Mse(targets, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public Mse withMask(HostTensor value) {
    return new Mse(targets, weight, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public Mse withReduction(Reduction value) {
    return new Mse(targets, weight, mask, value);
  }
}
