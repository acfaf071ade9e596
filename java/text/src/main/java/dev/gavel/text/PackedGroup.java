package dev.gavel.text;

import dev.gavel.Layout;
import dev.gavel.Spans;
import java.util.List;

/**
 * One prompt and its responses as token sequences, and what was kept of each.
 *
 * @param layout how responses lie in sequences
 * @param sequences token sequences in order; their responses, in order, are the group's
 * @param promptTokens tokens of the prompt that were kept
 * @param promptCut tokens of the prompt that were cut
 * @param responseTokens tokens kept of each response
 * @param responseCut tokens cut of each response
 * @param steps steps of each response, which is scored once per step; empty where it is scored once
 */
public record PackedGroup(
    Layout layout,
    List<Sequence> sequences,
    int promptTokens,
    int promptCut,
    List<Integer> responseTokens,
    List<Integer> responseCut,
    List<Integer> steps) {
  /** Copies the lists. */
  public PackedGroup {
    sequences = List.copyOf(sequences);
    responseTokens = List.copyOf(responseTokens);
    responseCut = List.copyOf(responseCut);
    steps = List.copyOf(steps);
  }

  /**
   * One sequence, for one forward pass.
   *
   * @param ids token ids, without padding
   * @param spans rows of its responses or of their steps, in order
   * @param blocks how it is divided where responses share their prompt
   * @param gateRows row of each response at which a gate looks for it; empty where none does
   */
  public record Sequence(Tokens ids, Spans spans, Blocks blocks, List<Integer> gateRows) {
    /** Copies the list. */
    public Sequence {
      gateRows = List.copyOf(gateRows);
    }

    /** A sequence that is not divided, without a gate. */
    public Sequence(Tokens ids, Spans spans) {
      this(ids, spans, Blocks.none(), List.of());
    }

    Sequence withGateRows(List<Integer> rows) {
      return new Sequence(ids, spans, blocks, rows);
    }
  }

  PackedGroup withSequences(List<Sequence> others) {
    return new PackedGroup(
        layout, others, promptTokens, promptCut, responseTokens, responseCut, steps);
  }

  /** Tokens that the backbone runs once for several responses; 0 where none is shared. */
  public int sharedTokens() {
    return sequences.stream().mapToInt(sequence -> sequence.blocks().shared()).max().orElse(0);
  }

  /** How many scores the group has: one per response, or one per step. */
  public int scores() {
    return sequences.stream().mapToInt(sequence -> sequence.spans().size()).sum();
  }

  /** Tokens of all sequences: what the backbone works on. */
  public int totalTokens() {
    return sequences.stream().mapToInt(sequence -> sequence.ids().size()).sum();
  }
}
