package dev.gavel;

/**
 * A loss over scores s [N] with its items (pairs, groups or scores), reduction and gradient dL/ds.
 *
 * <p>Gradients are of the reduced loss, and exactly 0 for masked scores and for responses without a
 * row. Tensors are borrowed: the caller keeps them open, and unchanged, during a call. Compute it
 * on scores you have with {@link #evaluate}, or in the same call as the scores with {@link
 * RewardHead#score(PackedBatch, Pooling, Readout, ScoreBatch, Loss, LossResult)}.
 */
public sealed interface Loss
    permits BradleyTerry,
        CrossEntropy,
        PlackettLuce,
        PairwiseRanking,
        StepRanking,
        Mse,
        Bce,
        Pinball,
        Ordinal {

  /**
   * Starts a {@link BradleyTerry} loss with its plain settings.
   *
   * @param pairs i64 [P, 2]: numbers of the chosen and of the rejected score of every pair
   */
  static BradleyTerry bradleyTerry(HostTensor pairs) {
    return BradleyTerry.plain(pairs);
  }

  /**
   * Starts a {@link CrossEntropy} loss with its plain settings.
   *
   * @param offsets i64 [G + 1]: group g is scores offsets[g] to offsets[g + 1] - 1; {@link
   *     PackedBatch#groupOffsets()} has them
   * @param target which response of every group is right
   */
  static CrossEntropy crossEntropy(HostTensor offsets, CrossEntropy.Target target) {
    return CrossEntropy.plain(offsets, target);
  }

  /**
   * Starts a {@link PlackettLuce} loss over all places.
   *
   * @param offsets i64 [G + 1]: where the groups begin and end
   * @param ranks i64 [N]: 1 is best, no ties within a group
   */
  static PlackettLuce plackettLuce(HostTensor offsets, HostTensor ranks) {
    return PlackettLuce.plain(offsets, ranks);
  }

  /**
   * Starts a {@link PairwiseRanking} loss with its plain settings.
   *
   * @param offsets i64 [G + 1]: where the groups begin and end
   * @param ranks i64 [N]: 1 is best, ties allowed
   */
  static PairwiseRanking pairwiseRanking(HostTensor offsets, HostTensor ranks) {
    return PairwiseRanking.plain(offsets, ranks);
  }

  /**
   * Starts a {@link StepRanking} loss with its plain settings.
   *
   * @param offsets i64 [G + 1]: where the groups of steps begin and end
   * @param labels u8 [N]: 1 for a correct step, 0 for a wrong one
   * @param zeta margin of the wrong steps; PQM and BiPRM use 4
   */
  static StepRanking stepRanking(HostTensor offsets, HostTensor labels, Amount zeta) {
    return StepRanking.plain(offsets, labels, zeta);
  }

  /**
   * Starts an {@link Mse} loss with its plain settings.
   *
   * @param targets f32 [N], NaN where there is none
   */
  static Mse mse(HostTensor targets) {
    return Mse.plain(targets);
  }

  /**
   * Starts a {@link Bce} loss with its plain settings.
   *
   * @param targets f32 [N]: 0 to 1, NaN where there is none
   */
  static Bce bce(HostTensor targets) {
    return Bce.plain(targets);
  }

  /**
   * Starts a {@link Pinball} loss with its plain settings.
   *
   * @param targets f32 [N], NaN where there is none
   * @param quantile above 0, below 1
   */
  static Pinball pinball(HostTensor targets, Amount quantile) {
    return Pinball.plain(targets, quantile);
  }

  /**
   * Starts an {@link Ordinal} loss in strict order.
   *
   * @param pairs i64 [P, 2]: numbers of the chosen and of the rejected row of every pair
   * @param classes scores of a row
   */
  static Ordinal ordinal(HostTensor pairs, long classes) {
    return Ordinal.plain(pairs, classes);
  }

  /** How the losses of items become one number. */
  Reduction reduction();

  /** Number of items: pairs, groups or scores. */
  long items();

  /**
   * Computes the loss and its gradient.
   *
   * @param context where
   * @param scores f32 [N]
   * @param into receives the result; has room for N scores and as many items
   * @throws InvalidArgumentException if a value or shape is wrong; the message names it
   */
  default void evaluate(Context context, HostTensor scores, LossResult into) {
    into.evaluate(context, this, scores);
  }
}
