package dev.gavel;

import java.util.Optional;

/**
 * The likelihood of a ranking (Plackett 1975, Luce 1959): one item per group. With z_1, z_2, ...
 * the valid scores / temperature in the order of their ranks, over the first {@code topK} places
 * (all where that is 0):
 *
 * <pre>weight Σ_k (LSE(z_k, z_k+1, ...) - z_k)</pre>
 *
 * A group with fewer than two valid scores is skipped. With topK 1 it equals {@link CrossEntropy}
 * on the best response, and for two responses {@link BradleyTerry}.
 *
 * @param offsets i64 [G + 1], from 0 to N, not falling: group g is scores offsets[g] to offsets[g +
 *     1] - 1
 * @param ranks i64 [N]: 1 is best; only their order matters, and no two valid scores of a group may
 *     have the same
 * @param topK places that count, or 0 for all
 * @param weight 0 or more
 * @param temperature at least 2^-126
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record PlackettLuce(
    HostTensor offsets,
    HostTensor ranks,
    long topK,
    Amount weight,
    Amount temperature,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public PlackettLuce {
    LossChecks.requireOffsets(offsets);
    LossChecks.requireTensor("ranks", ranks, DType.I64, "i64 [N]", 1);
    if (topK < 0) {
      throw new InvalidArgumentException(
          "loss: topK is %d; say how many places count, or 0 for all".formatted(topK));
    }
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
    LossChecks.requireAtLeast("temperature", temperature, Float.MIN_NORMAL);
  }

  /** All places, weight 1, temperature 1, no mask, mean over valid groups. */
  static PlackettLuce plain(HostTensor offsets, HostTensor ranks) {
    return new PlackettLuce(
        offsets, ranks, 0, Amount.of(1), Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return offsets.size(0) - 1;
  }

  /** The same with another number of places. */
  public PlackettLuce withTopK(long value) {
    return new PlackettLuce(offsets, ranks, value, weight, temperature, mask, reduction);
  }

  /** The same with another weight. */
  public PlackettLuce withWeight(Amount value) {
    return new PlackettLuce(offsets, ranks, topK, value, temperature, mask, reduction);
  }

  /** The same with another temperature. */
  public PlackettLuce withTemperature(Amount value) {
    return new PlackettLuce(offsets, ranks, topK, weight, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public PlackettLuce withMask(HostTensor value) {
    return new PlackettLuce(
        offsets, ranks, topK, weight, temperature, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public PlackettLuce withReduction(Reduction value) {
    return new PlackettLuce(offsets, ranks, topK, weight, temperature, mask, value);
  }
}
