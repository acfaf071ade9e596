package dev.gavel;

import java.util.ArrayList;
import java.util.List;

/**
 * What a forward pass ran with, and the state its backward pass must find unchanged.
 *
 * @param batch the batch
 * @param batchVersion version of the batch, which changes with every refill
 * @param pooling the pooling
 * @param readout the readout
 * @param withLoss whether a loss was computed
 * @param parameterVersion version of the head's parameters, which changes with every optimizer step
 * @param gateVersion the same of the readout's gate, 0 without one
 */
record ForwardPass(
    PackedBatch batch,
    long batchVersion,
    Pooling pooling,
    Readout readout,
    boolean withLoss,
    long parameterVersion,
    long gateVersion) {

  /** Notes the state before the pass: a change during it must show afterwards. */
  static ForwardPass begin(
      RewardHead head, PackedBatch batch, Pooling pooling, Readout readout, boolean withLoss) {
    return new ForwardPass(
        batch,
        batch.version(),
        pooling,
        readout,
        withLoss,
        head.parameterVersion().get(),
        gateVersion(readout));
  }

  /** What a pass must keep beside its scores for its backward pass. */
  static ScoreBatch.Extra[] kept(HeadSpec spec, Readout readout) {
    ReadoutShape shape = ReadoutShape.of(spec, readout);
    List<ScoreBatch.Extra> extras = new ArrayList<>();
    if (!spec.isLinear()) {
      extras.add(ScoreBatch.Extra.PREACTIVATIONS);
    }
    if (BackwardArguments.readsLogits(readout)) {
      extras.add(ScoreBatch.Extra.LOGITS);
    }
    if (shape.gateOutputs() > 0) {
      extras.add(ScoreBatch.Extra.GATE_LOGITS);
    }
    if (shape.gatePreactivationWidth() > 0) {
      extras.add(ScoreBatch.Extra.GATE_PREACTIVATIONS);
    }
    return extras.toArray(new ScoreBatch.Extra[0]);
  }

  /** Version of the parameters of a readout's gate, 0 without one. */
  static long gateVersion(Readout readout) {
    return readout instanceof Readout.GatedSum gated ? gated.gate().parameterVersion().get() : 0;
  }

  /** R: the scores of the pass, times the head's outputs. */
  int items() {
    return batch.items(pooling);
  }

  /**
   * Checks that gradients of this pass would still be those of this head and batch.
   *
   * @throws IllegalStateException if they would not
   */
  void requireCurrent(RewardHead head) {
    if (batch.version() != batchVersion) {
      throw new IllegalStateException(
          "the batch was refilled since the forward pass: run forward again");
    }
    if (head.parameterVersion().get() != parameterVersion || gateVersion(readout) != gateVersion) {
      throw new IllegalStateException(
          "an optimizer step was taken since the forward pass: run forward again");
    }
  }
}
