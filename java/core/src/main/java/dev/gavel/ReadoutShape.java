package dev.gavel;

import dev.gavel.ScoreBatch.Extra;
import java.util.Set;

/**
 * Widths of what a call with a readout returns besides the scores.
 *
 * @param streams rows that a response has: 2 with a gate over two streams, else 1
 * @param objectives O, or 0 where there are none
 * @param gateOutputs logits of the gate, or 0 without one
 * @param gatePreactivationWidth sum of the gate's hidden widths
 */
record ReadoutShape(int streams, int objectives, int gateOutputs, long gatePreactivationWidth) {

  static ReadoutShape of(HeadSpec spec, Readout readout) {
    return switch (readout) {
      case Readout.WeightedSum sum -> new ReadoutShape(1, sum.weights().size(), 0, 0);
      case Readout.GatedSum gated ->
          new ReadoutShape(
              gated.twoStreams() ? 2 : 1,
              gated.twoStreams() ? 0 : gated.objectives().scores(spec.outputWidth()),
              gated.gateOutputs(),
              gated.gate().spec().preactivationWidth());
      case Readout.Identity _,
              Readout.Affine _,
              Readout.Sigmoid _,
              Readout.ClassProb _,
              Readout.Expectation _,
              Readout.QuantileMean _ ->
          new ReadoutShape(1, 0, 0, 0);
    };
  }

  private long width(Extra extra) {
    return switch (extra) {
      case LOGITS, VECTORS, PREACTIVATIONS -> streams;
      case OBJECTIVES -> objectives;
      case GATE_WEIGHTS, GATE_LOGITS -> gateOutputs;
      case GATE_PREACTIVATIONS -> gatePreactivationWidth;
    };
  }

  /** Refuses extras that this readout has not. */
  void requireExtras(Set<Extra> extras) {
    for (Extra extra : extras) {
      if (width(extra) == 0) {
        throw new InvalidArgumentException(
            "score batch: %s of a readout that has none; leave them out, or allocate with the readout"
                .formatted(extra));
      }
    }
  }

  /** Refuses a readout whose extras have other widths. */
  void requireSame(ReadoutShape other, Set<Extra> extras) {
    for (Extra extra : extras) {
      if (width(extra) != other.width(extra)) {
        throw new InvalidArgumentException(
            "score batch was made for a readout with other %s; allocate one with this readout"
                .formatted(extra));
      }
    }
  }
}
