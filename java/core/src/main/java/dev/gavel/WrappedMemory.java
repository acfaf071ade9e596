package dev.gavel;

import dev.gavel.message.Counted;
import java.lang.foreign.MemorySegment;

/** What a caller's memory must be like for kernels to work on it. */
final class WrappedMemory {
  private WrappedMemory() {}

  /**
   * Checks memory that is to be a tensor of this many bytes.
   *
   * @param name the tensor as messages print it
   * @throws InvalidTensorException if the memory cannot be that tensor
   */
  static void check(MemorySegment segment, long bytes, DType dtype, String name) {
    if (!segment.isNative()) {
      throw new InvalidTensorException(
          "cannot wrap memory of the Java heap as %s: native code cannot reach it; use HostTensor.of, which copies"
              .formatted(name));
    }
    if (segment.isMapped()) {
      throw new InvalidTensorException(
          "cannot wrap a mapped file as %s: native code that reads it dies if the file is cut; copy it into an allocated tensor"
              .formatted(name));
    }
    if (segment.byteSize() != bytes) {
      throw new InvalidTensorException(
          "cannot wrap %s as %s, which has %d"
              .formatted(Counted.of(segment.byteSize(), "byte"), name, bytes));
    }
    if (segment.address() % dtype.bytes() != 0) {
      throw new InvalidTensorException(
          "cannot wrap memory at 0x%x as %s: it must be aligned to %d bytes"
              .formatted(segment.address(), name, dtype.bytes()));
    }
  }
}
