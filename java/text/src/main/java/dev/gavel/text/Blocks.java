package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * How a sequence is divided where responses share their prompt: {@code [shared][block][block]...}.
 * Rows of a block see the shared rows and their own block, and positions go on after the shared
 * rows in every block, so that each block is judged as if it followed them alone. Immutable.
 *
 * @param shared rows that every block follows; they see one another only
 * @param lengths rows of each block; empty where the sequence is not divided
 */
public record Blocks(int shared, List<Integer> lengths) {
  private static final Blocks NONE = new Blocks(0, List.of());

  /** Checks and copies. */
  public Blocks {
    lengths = List.copyOf(lengths);
    boolean positive = lengths.stream().allMatch(length -> length >= 1);
    if (shared < 0 || !positive || (lengths.isEmpty() && shared > 0)) {
      throw new InvalidArgumentException(
          "blocks: %d shared rows and blocks of %s; none may be negative, and each block needs a row"
              .formatted(shared, lengths));
    }
  }

  /** A sequence that is not divided. */
  public static Blocks none() {
    return NONE;
  }

  /** Whether the sequence is not divided. */
  public boolean isNone() {
    return lengths.isEmpty();
  }

  /** Rows of the sequence it divides; 0 where it divides none. */
  public int rows() {
    return shared + lengths.stream().mapToInt(Integer::intValue).sum();
  }

  /** Position of every row of a sequence of this many: what {@code position_ids} takes. */
  long[] positions(int rows) {
    long[] positions = new long[rows];
    int row = 0;
    for (int length : parts(rows)) {
      for (int i = 0; i < length; i++) {
        positions[row] = row < shared ? row : shared + i;
        row++;
      }
    }
    return positions;
  }

  /**
   * Writes which rows see which: 1 at [i, j] where row i sees row j, 0 elsewhere.
   *
   * @param rows of the sequence
   * @param causal whether a row sees only itself and rows before it
   * @param mask rows x rows bytes are written from its position on
   */
  void write(int rows, boolean causal, ByteBuffer mask) {
    int begin = 0;
    for (int length : parts(rows)) {
      for (int i = 0; i < length; i++) {
        int end = causal ? begin + i + 1 : begin + length;
        for (int j = 0; j < rows; j++) {
          boolean own = j >= begin && j < end;
          mask.put((byte) (own || j < Math.min(shared, begin) ? 1 : 0));
        }
      }
      begin += length;
    }
  }

  private List<Integer> parts(int rows) {
    if (isNone()) {
      return List.of(rows);
    }
    List<Integer> parts = new ArrayList<>(List.of(shared));
    parts.addAll(lengths);
    return parts;
  }
}
