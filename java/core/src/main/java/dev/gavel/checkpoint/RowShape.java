package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import java.nio.file.Path;

/** The shape of one row of a tensor. */
final class RowShape {
  private RowShape() {}

  /**
   * [1, columns] of a matrix, [1] of a vector.
   *
   * @throws FormatException if the tensor has no such row
   */
  static long[] of(Path file, String name, TensorInfo info, long row) {
    int rank = info.shape().size();
    if ((rank == 1 || rank == 2) && row >= 0 && row < info.shape().getFirst()) {
      return rank == 1 ? new long[] {1} : new long[] {1, info.shape().get(1)};
    }
    throw new FormatException(
        file, "row %d of tensor '%s' was asked for; it is %s".formatted(row, name, info));
  }
}
