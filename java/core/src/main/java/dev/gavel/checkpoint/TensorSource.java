package dev.gavel.checkpoint;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Named tensors in one file or several. Names are known at once; the bytes of a tensor are read
 * when it is asked for, and no others.
 */
interface TensorSource extends AutoCloseable {

  /** Names of all tensors. */
  Set<String> names();

  /**
   * The file that holds a tensor.
   *
   * @throws FormatException if there is none of this name
   */
  Path fileOf(String name);

  /**
   * The files a tensor is read from: the one that holds it, and an index that says which that is.
   *
   * @throws FormatException if there is none of this name
   */
  default List<Path> filesOf(String name) {
    return List.of(fileOf(name));
  }

  /**
   * Type and shape of a tensor.
   *
   * @throws FormatException if there is none of this name, or the file that should hold it does not
   * @throws FileException if that file cannot be read
   */
  TensorInfo describe(String name);

  /**
   * A copy of a tensor, which the caller closes. A single number has shape [1].
   *
   * @throws FormatException if its type cannot be used, or its bytes are not there
   */
  HostTensor read(String name);

  /**
   * A copy of X[row], which the caller closes: one row [1, columns] of a matrix, or one element [1]
   * of a vector. No other byte is read.
   */
  HostTensor readRow(String name, long row);

  @Override
  void close();
}
