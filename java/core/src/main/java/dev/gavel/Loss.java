package dev.gavel;

/**
 * A loss over scores s [N] with its items (pairs or groups), reduction and gradient dL/ds.
 *
 * <p>Gradients are of the reduced loss, and exactly 0 for masked scores and for responses without a
 * row. Tensors are borrowed: the caller keeps them open, and unchanged, during a call. Compute it
 * on scores you have with {@link #evaluate}, or in the same call as the scores with {@link
 * RewardHead#score(PackedBatch, Pooling, Readout, ScoreBatch, Loss, LossResult)}.
 */
public sealed interface Loss permits BradleyTerry, CrossEntropy {

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

  /** How the losses of items become one number. */
  Reduction reduction();

  /** Number of items: pairs or groups. */
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
