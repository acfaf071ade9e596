package dev.gavel.cli.run;

import dev.gavel.cli.input.Position;
import java.util.Map;
import java.util.TreeMap;

/**
 * How far a run came: output up to here is on the disk.
 *
 * @param position the place in the input after the last row of the output
 * @param bytes length of the output
 * @param crc CRC-32C of the output up to there
 * @param counts counts of the rows so far, by name
 */
public record Checkpoint(Position position, long bytes, long crc, Map<String, Long> counts) {
  /** In front of everything. */
  public static final Checkpoint START = new Checkpoint(Position.START, 0, 0, Map.of());

  /** Copies the map. */
  public Checkpoint {
    counts = Map.copyOf(new TreeMap<>(counts));
  }
}
