package dev.gavel;

import java.util.Optional;

/**
 * Ranked steps of a solution (PQM; BiPRM's "rank" objective): one item per group, the steps of a
 * response in their order, c the correct and w the wrong ones:
 *
 * <pre>
 * weight ([a step is wrong] D_0 + Σ_c (D_c - s_c)) / ([a step is wrong] + number of correct steps)
 * D_0 = LSE(0, s_w + zeta over w),  D_c = LSE(D_0, s_q over the correct q up to c)</pre>
 *
 * A group without a valid step is skipped.
 *
 * @param offsets i64 [G + 1], from 0 to N, not falling: group g is scores offsets[g] to offsets[g +
 *     1] - 1
 * @param labels u8 [N]: 1 for a correct step, 0 for a wrong one
 * @param zeta margin of the wrong steps, finite; the source uses 4
 * @param weight 0 or more
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record StepRanking(
    HostTensor offsets,
    HostTensor labels,
    Amount zeta,
    Amount weight,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public StepRanking {
    LossChecks.requireOffsets(offsets);
    LossChecks.requireTensor("labels", labels, DType.U8, "u8 [N]", 1);
    LossChecks.requireAtLeast("zeta", zeta, -Float.MAX_VALUE);
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1, no mask, mean over valid groups. */
  static StepRanking plain(HostTensor offsets, HostTensor labels, Amount zeta) {
    return new StepRanking(
        offsets, labels, zeta, Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return offsets.size(0) - 1;
  }

  /** The same with another margin. */
  public StepRanking withZeta(Amount value) {
    return new StepRanking(offsets, labels, value, weight, mask, reduction);
  }

  /** The same with another weight. */
  public StepRanking withWeight(Amount value) {
    return new StepRanking(offsets, labels, zeta, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public StepRanking withMask(HostTensor value) {
    return new StepRanking(offsets, labels, zeta, weight, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public StepRanking withReduction(Reduction value) {
    return new StepRanking(offsets, labels, zeta, weight, mask, value);
  }
}
