package dev.gavel.cli.input;

/**
 * A part of the rows: of n shards, the i-th has the rows i, i + n, i + 2n and so on.
 *
 * @param index i, from 1
 * @param count n
 */
public record Shard(int index, int count) {
  /** All rows. */
  public static final Shard ALL = new Shard(1, 1);

  /** Whether it has the row with this number, counted from 0. */
  public boolean has(long row) {
    return row % count == index - 1;
  }

  @Override
  public String toString() {
    return "%d/%d".formatted(index, count);
  }
}
