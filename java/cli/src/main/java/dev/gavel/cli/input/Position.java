package dev.gavel.cli.input;

/**
 * A place between two rows of a list of sources.
 *
 * @param source index of the source
 * @param offset bytes of its text, decompressed, in front of the place
 * @param line lines of it in front of the place
 * @param rows rows of all sources in front of the place, those of other shards included
 */
public record Position(int source, long offset, long line, long rows) {
  /** In front of everything. */
  public static final Position START = new Position(0, 0, 0, 0);
}
