package dev.gavel;

import java.util.Optional;

/**
 * All pairs of a ranking: one item per group, over its pairs of valid scores with rank_i &lt;
 * rank_j, with sp(x) = max(x, 0) + log1p(exp(-|x|)):
 *
 * <pre>weight mean sp(-beta (s_i - s_j))</pre>
 *
 * Ties make no pair. A group without a pair is skipped. The mean over all pairs of a batch instead
 * of the mean over groups: {@link Reduction#WEIGHTED_MEAN} with each group's number of pairs as its
 * weight. For two responses it equals {@link BradleyTerry}, bit for bit.
 *
 * @param offsets i64 [G + 1], from 0 to N, not falling: group g is scores offsets[g] to offsets[g +
 *     1] - 1
 * @param ranks i64 [N]: 1 is best, ties allowed
 * @param weight 0 or more
 * @param beta at least 2^-126
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record PairwiseRanking(
    HostTensor offsets,
    HostTensor ranks,
    Amount weight,
    Amount beta,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public PairwiseRanking {
    LossChecks.requireOffsets(offsets);
    LossChecks.requireTensor("ranks", ranks, DType.I64, "i64 [N]", 1);
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
    LossChecks.requireAtLeast("beta", beta, Float.MIN_NORMAL);
  }

  /** Weight 1, beta 1, no mask, mean over valid groups. */
  static PairwiseRanking plain(HostTensor offsets, HostTensor ranks) {
    return new PairwiseRanking(
        offsets, ranks, Amount.of(1), Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return offsets.size(0) - 1;
  }

  /** The same with another weight. */
  public PairwiseRanking withWeight(Amount value) {
    return new PairwiseRanking(offsets, ranks, value, beta, mask, reduction);
  }

  /** The same with another beta. */
  public PairwiseRanking withBeta(Amount value) {
    return new PairwiseRanking(offsets, ranks, weight, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public PairwiseRanking withMask(HostTensor value) {
    return new PairwiseRanking(offsets, ranks, weight, beta, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public PairwiseRanking withReduction(Reduction value) {
    return new PairwiseRanking(offsets, ranks, weight, beta, mask, value);
  }
}
