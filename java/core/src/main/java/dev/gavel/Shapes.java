package dev.gavel;

import java.util.StringJoiner;

/** Checks and prints shapes. */
final class Shapes {
  /** Most dimensions a tensor of the C interface has. */
  static final int MOST_DIMENSIONS = 4;

  private Shapes() {}

  /** For instance {@code bf16[3,4096]}. */
  static String print(DType dtype, long... shape) {
    StringJoiner text = new StringJoiner(",", dtype + "[", "]");
    for (long length : shape) {
      text.add(Long.toString(length));
    }
    return text.toString();
  }

  /**
   * Bytes of a contiguous tensor.
   *
   * @throws InvalidTensorException if the rank is not 1 to 4, a length is negative, or the bytes do
   *     not fit 63 bits
   */
  static long byteLength(DType dtype, long... shape) {
    if (shape.length < 1 || shape.length > MOST_DIMENSIONS) {
      throw new InvalidTensorException(
          "tensor %s has %d dimensions; it must have 1 to %d"
              .formatted(print(dtype, shape), shape.length, MOST_DIMENSIONS));
    }
    for (long length : shape) {
      if (length < 0) {
        throw new InvalidTensorException(
            "tensor %s has a negative length; every length must be 0 or more"
                .formatted(print(dtype, shape)));
      }
    }
    long bytes = dtype.bytes();
    for (long length : shape) {
      // A zero anywhere makes the tensor empty, but the others must still be lengths it could have.
      if (length != 0 && bytes > Long.MAX_VALUE / length) {
        throw new InvalidTensorException(
            "tensor %s has more than 2^63 bytes".formatted(print(dtype, shape)));
      }
      bytes *= Math.max(length, 1);
    }
    for (long length : shape) {
      if (length == 0) {
        return 0;
      }
    }
    return bytes;
  }
}
