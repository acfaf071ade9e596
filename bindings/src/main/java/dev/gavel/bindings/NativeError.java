package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_error;
import dev.gavel.bindings.ffi.gavel_h;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * The caller-owned error that a native function fills when it fails. One thread at a time; reusable
 * for any number of calls, and a call that succeeds allocates nothing.
 */
public final class NativeError {
  private final MemorySegment struct;

  /** Allocates the error in the caller's memory, which must outlive this object's use. */
  public NativeError(SegmentAllocator allocator) {
    this.struct = NativeStruct.allocate(allocator, gavel_error.layout());
  }

  MemorySegment address() {
    return struct;
  }

  /**
   * Turns a status into an exception.
   *
   * @throws NativeException if the status is not {@code GAVEL_OK}
   */
  void check(int status) {
    if (status != gavel_h.GAVEL_OK()) {
      throw failure(status);
    }
  }

  /**
   * Returns a count, or turns a negative status in its place into an exception.
   *
   * @throws NativeException if the value is negative
   */
  int checkCount(int countOrStatus) {
    if (countOrStatus < 0) {
      throw failure(countOrStatus);
    }
    return countOrStatus;
  }

  private NativeException failure(int status) {
    if (gavel_error.status(struct) != status) {
      // Not filled: the function refused the error struct itself, or the library breaks its
      // promise.
      return new NativeException(
          status, 0, "", "failed with %s and no message".formatted(Gavel.statusName(status)));
    }
    NativeException failure =
        new NativeException(
            status,
            gavel_error.vendor_code(struct),
            NativeStruct.text(gavel_error.operation(struct)),
            NativeStruct.text(gavel_error.message(struct)));
    gavel_error.status(struct, gavel_h.GAVEL_OK()); // the next failure cannot show this one's text
    return failure;
  }
}
