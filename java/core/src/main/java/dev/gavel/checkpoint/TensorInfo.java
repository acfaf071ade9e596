package dev.gavel.checkpoint;

import java.util.List;

/**
 * What a file says of a tensor.
 *
 * @param dtype type by the name safetensors has for it, for instance {@code BF16}
 * @param shape lengths of its dimensions; none for a single number
 */
record TensorInfo(String dtype, List<Long> shape) {
  TensorInfo {
    shape = List.copyOf(shape);
  }

  /** For instance {@code BF16[3,4096]}. */
  @Override
  public String toString() {
    return dtype + shape.toString().replace(" ", "");
  }
}
