package dev.gavel.checkpoint;

import java.util.List;

/** At which row of a sequence the gate of a published model is read. */
public sealed interface GateRows {

  /** The row the head itself is read at. */
  record SameRow() implements GateRows {}

  /**
   * The first token of the last occurrence of a pattern of tokens: where the assistant's turn
   * begins.
   *
   * @param ids the pattern
   */
  record LastPattern(List<Long> ids) implements GateRows {
    /** Copies the pattern. */
    public LastPattern {
      ids = List.copyOf(ids);
    }
  }
}
