package dev.gavel.checkpoint;

import dev.gavel.HeadSpec;
import dev.gavel.Readout;
import java.util.List;
import java.util.Optional;

/**
 * How the gate of a folder's head becomes a head, and what the readout is told.
 *
 * @param spec shape and formula of the gate
 * @param parts where each parameter comes from; none where the norms of {@link FoldedNorms} are
 *     folded into them
 * @param form what its logits do
 * @param temperature of a softmax, else 0
 * @param objectives how the head's logits become objectives
 * @param scale tensor of the scale [1], 1 where there is none
 * @param transform tensor of the transform [O, O]
 * @param rows where the gate is read
 */
record GatePlan(
    HeadSpec spec,
    List<Plan.Part> parts,
    Readout.GateForm form,
    float temperature,
    Readout objectives,
    Optional<String> scale,
    Optional<String> transform,
    GateRows rows) {
  GatePlan {
    parts = List.copyOf(parts);
  }
}
