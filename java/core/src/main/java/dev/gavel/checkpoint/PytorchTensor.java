package dev.gavel.checkpoint;

import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.List;

/**
 * A tensor of a PyTorch file: a view of a storage. A tensor that exists lies inside its storage.
 *
 * @param storage what it views
 * @param offset its first element in the storage
 * @param sizes lengths of its dimensions
 * @param strides elements from one index of a dimension to the next
 */
record PytorchTensor(PytorchStorage storage, long offset, List<Long> sizes, List<Long> strides) {
  // torch itself allows 64; weights have 5 at most.
  static final int MOST_DIMENSIONS = 8;

  /**
   * Checks that every element lies in the storage.
   *
   * @throws IllegalArgumentException if not; the message says what is wrong
   */
  PytorchTensor {
    sizes = List.copyOf(sizes);
    strides = List.copyOf(strides);
    require(
        sizes.size() == strides.size() && sizes.size() <= MOST_DIMENSIONS,
        "sizes %s and strides %s; there must be as many, at most %d"
            .formatted(sizes, strides, MOST_DIMENSIONS));
    require(
        storage.elements() >= 0,
        "a storage of %s".formatted(Counted.of(storage.elements(), "element")));
    require(offset >= 0, "offset %d".formatted(offset));
    String found =
        "sizes %s, strides %s, offset %d in a storage of %s"
            .formatted(sizes, strides, offset, Counted.of(storage.elements(), "element"));
    try {
      long elements = 1;
      long last = offset;
      for (int i = 0; i < sizes.size(); i++) {
        require(sizes.get(i) >= 0 && strides.get(i) >= 0, found + "; none may be negative");
        elements = Math.multiplyExact(elements, sizes.get(i));
        last =
            Math.addExact(last, Math.multiplyExact(Math.max(sizes.get(i) - 1, 0), strides.get(i)));
      }
      require(
          elements == 0 || last < storage.elements(),
          found + "; it reaches beyond the end of the storage");
      // An expanded tensor can claim any size from one stored number.
      require(
          elements <= storage.elements(),
          found + "; it has more elements than its storage: save it with .contiguous()");
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(found + "; that is more than 2^63 elements", e);
    }
  }

  long elements() {
    long elements = 1;
    for (long size : sizes) {
      elements *= size;
    }
    return elements;
  }

  /** How many elements of the storage lie between its first and its last, both included. */
  long span() {
    long span = 1;
    for (int i = 0; i < sizes.size(); i++) {
      if (sizes.get(i) == 0) {
        return 0;
      }
      span += (sizes.get(i) - 1) * strides.get(i);
    }
    return span;
  }

  /** Whether its elements lie side by side in row-major order. */
  boolean isContiguous() {
    long expected = 1;
    for (int i = sizes.size() - 1; i >= 0; i--) {
      if (sizes.get(i) != 1 && strides.get(i) != expected) {
        return false;
      }
      expected *= sizes.get(i);
    }
    return true;
  }

  /** Row {@code row} of a matrix or element {@code row} of a vector, with a first length of 1. */
  PytorchTensor row(long row) {
    List<Long> one = new ArrayList<>(sizes);
    one.set(0, 1L);
    return new PytorchTensor(storage, offset + row * strides.getFirst(), one, strides);
  }

  TensorInfo info() {
    return new TensorInfo(storage.type().dtype(), sizes);
  }

  private static void require(boolean holds, String found) {
    if (!holds) {
      throw new IllegalArgumentException(found);
    }
  }
}
