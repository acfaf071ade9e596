package dev.gavel.cli.scoring;

import dev.gavel.cli.input.Position;
import java.util.List;

/**
 * Rows of a window, with what the head made of their responses.
 *
 * @param entries the rows, in order
 * @param bytes about how much text they hold
 * @param end the place in the input after the last of them
 */
public record ScoredWindow(List<Entry> entries, long bytes, Position end) {
  /** Copies the list. */
  public ScoredWindow {
    entries = List.copyOf(entries);
  }

  /**
   * A row.
   *
   * @param source index of the source it is from
   * @param row the row with its tokens, or why it has none
   * @param values what the head gave: as many numbers per response as it is wide, response by
   *     response; none for a row without tokens
   */
  @SuppressWarnings("ArrayRecordComponent") // made for one reader, which does not change it
  public record Entry(int source, PreparedRow row, float[] values) {}
}
