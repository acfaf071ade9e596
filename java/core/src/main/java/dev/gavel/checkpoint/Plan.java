package dev.gavel.checkpoint;

import dev.gavel.HeadSpec;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import java.util.List;
import java.util.Optional;

/**
 * How a folder becomes a head.
 *
 * @param pattern what was recognised
 * @param spec shape and formula of the head
 * @param parts where each parameter comes from, in the order of the spec
 * @param pooling of the rows
 * @param rows which rows
 * @param readout what the checkpoint itself makes of a logit
 * @param standardiser the mean and deviation stored in the checkpoint, whether or not it uses them
 * @param gate the gate that mixes the objectives; the readout is then made with it
 */
record Plan(
    HeadPattern pattern,
    HeadSpec spec,
    List<Part> parts,
    Pooling pooling,
    ScoredRows rows,
    Readout readout,
    Optional<Readout> standardiser,
    Optional<GatePlan> gate) {
  Plan {
    parts = List.copyOf(parts);
  }

  /** The same head, mixed by a gate. */
  Plan gated(GatePlan by) {
    return new Plan(pattern, spec, parts, pooling, rows, readout, standardiser, Optional.of(by));
  }

  /**
   * Where a parameter comes from.
   *
   * @param parameter its canonical name
   * @param tensor name of the tensor in the folder
   * @param rows none: the whole tensor; one: that row; two: the first minus the second, in f32,
   *     rounded once to nearest even
   */
  record Part(String parameter, String tensor, List<Long> rows) {
    Part {
      rows = List.copyOf(rows);
    }
  }
}
