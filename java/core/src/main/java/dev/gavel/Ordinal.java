package dev.gavel;

import java.util.Optional;

/**
 * Ordinal preference (OPRM): one item per pair (chosen, rejected) of rows of {@code classes}
 * scores, p their softmax:
 *
 * <pre>-weight log(Σ_ab A[a][b] p_chosen[a] p_rejected[b])</pre>
 *
 * A pair is skipped where a score of either row is masked.
 *
 * @param pairs i64 [P, 2]: numbers of the chosen and of the rejected row, which differ
 * @param classes levels of a row, 2 to 4096; scores [N] are N / classes rows
 * @param admissible A, f32 [classes, classes], 0 or more; absent: 1 where a &gt; b, else 0
 * @param weight 0 or more
 * @param mask u8 [N], optional: 0 where a score does not take part
 * @param reduction how items become one number
 */
public record Ordinal(
    HostTensor pairs,
    long classes,
    Optional<HostTensor> admissible,
    Amount weight,
    Optional<HostTensor> mask,
    Reduction reduction)
    implements Loss {

  /** Checks types, ranks and the numbers that are the same for all items. */
  public Ordinal {
    LossChecks.requireTensor("pairs of an ordinal loss", pairs, DType.I64, "i64 [P,2]", 2);
    if (pairs.size(1) != 2) {
      throw new InvalidTensorException(
          "pairs of an ordinal loss are %s; they must be i64 [P,2]".formatted(pairs));
    }
    if (classes < 2 || classes > 4096) {
      throw new InvalidArgumentException(
          "loss: classes is %d; an ordinal loss needs 2 to 4096 levels".formatted(classes));
    }
    if (admissible.isPresent()) {
      HostTensor weights = admissible.get();
      LossChecks.requireTensor("admissible", weights, DType.F32, "f32 [classes,classes]", 2);
      if (weights.size(0) != classes || weights.size(1) != classes) {
        throw new InvalidTensorException(
            "admissible is %s; for %d classes it must be f32 [%d,%d]"
                .formatted(weights, classes, classes, classes));
      }
    }
    LossChecks.requireAtLeast("weight", weight, 0);
    LossChecks.requireMask("mask", mask);
  }

  /** Strict order, weight 1, no mask, mean over valid pairs. */
  static Ordinal plain(HostTensor pairs, long classes) {
    return new Ordinal(
        pairs, classes, Optional.empty(), Amount.of(1), Optional.empty(), Reduction.MEAN_VALID);
  }

  @Override
  public long items() {
    return pairs.size(0);
  }

  /** The same with other weights of pairs of levels, f32 [classes, classes]. */
  public Ordinal withAdmissible(HostTensor value) {
    return new Ordinal(pairs, classes, Optional.of(value), weight, mask, reduction);
  }

  /** The same with another weight. */
  public Ordinal withWeight(Amount value) {
    return new Ordinal(pairs, classes, admissible, value, mask, reduction);
  }

  /** The same with a mask, u8 [N]: 0 where a score does not take part. */
  public Ordinal withMask(HostTensor value) {
    return new Ordinal(pairs, classes, admissible, weight, Optional.of(value), reduction);
  }

  /** The same with another reduction. */
  public Ordinal withReduction(Reduction value) {
    return new Ordinal(pairs, classes, admissible, weight, mask, value);
  }
}
