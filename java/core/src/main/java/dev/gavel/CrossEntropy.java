package dev.gavel;

import java.util.Optional;

/**
 * N-way cross-entropy over groups (YOJO): one item per group, with temperature T, mask and target
 * distribution t:
 *
 * <pre>weight (Σ_n t_n LSE(s / T over valid) - Σ_n t_n s_n / T)</pre>
 *
 * A group with fewer than two valid scores has loss and gradient 0, does not count as valid, and is
 * counted as skipped. A target on a masked score is an error. For two responses it equals {@link
 * BradleyTerry}.
 *
 * @param offsets i64 [G + 1], from 0 to N, not falling: group g is scores offsets[g] to offsets[g +
 *     1] - 1
 * @param target which response of every group is right
 * @param weight 0 or more
 * @param temperature at least 2^-126
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record CrossEntropy(
    HostTensor offsets,
    Target target,
    Amount weight,
    Amount temperature,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** What is right in every group. */
  public sealed interface Target {
    /**
     * One response per group.
     *
     * @param positions i64 [G]: its position inside the group
     */
    static Target index(HostTensor positions) {
      return new Index(positions);
    }

    /**
     * A distribution over every group.
     *
     * @param weights f32 [N], each finite and 0 or more; used as given, not normalised
     */
    static Target soft(HostTensor weights) {
      return new Soft(weights);
    }
  }

  /**
   * One response per group.
   *
   * @param positions i64 [G]: its position inside the group
   */
  public record Index(HostTensor positions) implements Target {
    /** Checks type and rank. */
    public Index {
      LossChecks.requireTensor("target positions", positions, DType.I64, "i64 [G]", 1);
    }
  }

  /**
   * A distribution over every group.
   *
   * @param weights f32 [N]
   */
  public record Soft(HostTensor weights) implements Target {
    /** Checks type and rank. */
    public Soft {
      LossChecks.requireTensor("target weights", weights, DType.F32, "f32 [N]", 1);
    }
  }

  /** Checks types, ranks and the numbers that are the same for all groups. */
  public CrossEntropy {
    LossChecks.requireOffsets(offsets);
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireAtLeast("temperature", temperature, Float.MIN_NORMAL);
    LossChecks.requireMask("mask", mask);
  }

  /** Weight 1, temperature 1, no mask, mean over valid groups. */
  static CrossEntropy plain(HostTensor offsets, Target target) {
    return new CrossEntropy(
        offsets, target, Amount.of(1), Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return offsets.size(0) - 1;
  }

  /** The same with another weight. */
  public CrossEntropy withWeight(Amount value) {
    return new CrossEntropy(offsets, target, value, temperature, mask, reduction);
  }

  /** The same with another temperature. */
  public CrossEntropy withTemperature(Amount value) {
    return new CrossEntropy(offsets, target, weight, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public CrossEntropy withMask(HostTensor values) {
    return new CrossEntropy(offsets, target, weight, temperature, Optional.of(values), reduction);
  }

  /** The same with another reduction. */
  public CrossEntropy withReduction(Reduction value) {
    return new CrossEntropy(offsets, target, weight, temperature, mask, value);
  }
}
