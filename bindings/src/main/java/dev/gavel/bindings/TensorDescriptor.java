package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes one {@code gavel_tensor} in place, as often as wanted and without allocating on the heap.
 * One thread at a time.
 *
 * <p>A descriptor holds the bare address of its data: native code can tell neither that the memory
 * was freed since nor that its owner is closing it. Whoever calls keeps the data alive from the
 * moment of writing to the end of the last call that reads the descriptor, for instance with a
 * {@link UseGuard}.
 *
 * <p>{@code dtype} is one of the {@code GAVEL_*} storage types. Native code checks it, the shape,
 * and that no element lies outside the data, whose size is taken from the segment.
 */
public final class TensorDescriptor {
  private static final long SHAPE = gavel_tensor.shape$offset();
  private static final long STRIDE = gavel_tensor.stride$offset();
  private static final int MAX_RANK = gavel_h.GAVEL_MAX_RANK();

  private final MemorySegment struct;
  // A loss has some twenty tensors it does not use; to fill all with zeros at every call would show
  // in a small one.
  private boolean absent;

  private TensorDescriptor(MemorySegment struct) {
    this.struct = struct;
  }

  /**
   * A writer for the descriptor at {@code offset} bytes into {@code memory}, for instance {@code
   * TensorDescriptor.at(args, gavel_score_args.hidden$offset())}, and the only one of that place.
   * What stands there is absent until it is written.
   */
  public static TensorDescriptor at(MemorySegment memory, long offset) {
    TensorDescriptor descriptor =
        new TensorDescriptor(memory.asSlice(offset, gavel_tensor.layout()));
    descriptor.clear();
    return descriptor;
  }

  /** A writer for element {@code index} of an array of descriptors. */
  public static TensorDescriptor element(MemorySegment array, long index) {
    return at(array, Math.multiplyExact(index, gavel_tensor.layout().byteSize()));
  }

  /** Makes the tensor absent. */
  public void clear() {
    if (!absent) {
      struct.fill((byte) 0);
      absent = true;
    }
  }

  /** Describes {@code [length]} elements, contiguous from the start of {@code data}, to be read. */
  public void input(int dtype, MemorySegment data, long length) {
    check(data);
    write(dtype, data, 1, length, 0, 1, 0);
  }

  /**
   * Describes {@code [rows, columns]} elements to be read; rows start {@code rowStride} elements
   * apart.
   */
  public void input(int dtype, MemorySegment data, long rows, long columns, long rowStride) {
    check(data);
    write(dtype, data, 2, rows, columns, rowStride, 1);
  }

  /**
   * Describes {@code [length]} elements, contiguous from the start of {@code data}, to be written.
   */
  public void output(int dtype, MemorySegment data, long length) {
    checkWritable(data);
    write(dtype, data, 1, length, 0, 1, 0);
  }

  /**
   * Describes {@code [rows, columns]} elements to be written; rows start {@code rowStride} elements
   * apart.
   */
  public void output(int dtype, MemorySegment data, long rows, long columns, long rowStride) {
    checkWritable(data);
    write(dtype, data, 2, rows, columns, rowStride, 1);
  }

  /**
   * Describes contiguous elements of 1 or 2 dimensions in the memory of a CUDA device, at an
   * address that the host does not follow.
   */
  public void onDevice(int dtype, int device, long address, long byteLength, long... shape) {
    boolean matrix = shape.length == 2;
    MemorySegment data = MemorySegment.ofAddress(address);
    write(
        dtype,
        data,
        shape.length,
        shape[0],
        matrix ? shape[1] : 0,
        matrix ? shape[1] : 1,
        matrix ? 1 : 0);
    gavel_tensor.device_type(struct, gavel_h.GAVEL_CUDA());
    gavel_tensor.device_id(struct, device);
    gavel_tensor.byte_length(struct, byteLength);
  }

  private void write(
      int dtype,
      MemorySegment data,
      int rank,
      long shape0,
      long shape1,
      long stride0,
      long stride1) {
    absent = false;
    gavel_tensor.struct_size(struct, (int) gavel_tensor.layout().byteSize());
    gavel_tensor.dtype(struct, dtype);
    gavel_tensor.device_type(struct, gavel_h.GAVEL_CPU());
    gavel_tensor.device_id(struct, 0);
    gavel_tensor.rank(struct, rank);
    gavel_tensor.reserved(struct, 0);
    pair(SHAPE, shape0, shape1);
    pair(STRIDE, stride0, stride1);
    gavel_tensor.data(struct, data);
    gavel_tensor.byte_length(struct, data.byteSize());
  }

  private void pair(long offset, long first, long second) {
    struct.set(ValueLayout.JAVA_LONG, offset, first);
    struct.set(ValueLayout.JAVA_LONG, offset + Long.BYTES, second);
    for (int dimension = 2; dimension < MAX_RANK; dimension++) {
      struct.set(ValueLayout.JAVA_LONG, offset + (long) dimension * Long.BYTES, 0);
    }
  }

  private static void check(MemorySegment data) {
    if (!data.isNative()) {
      throw new IllegalArgumentException(
          "tensor data is on the Java heap, where native code cannot reach it: use native memory,"
              + " for instance from Arena.ofShared()");
    }
    if (!data.scope().isAlive()) {
      throw new IllegalStateException(
          "tensor data is closed: its arena was closed before the call");
    }
    if (!data.isAccessibleBy(Thread.currentThread())) {
      throw new WrongThreadException(
          "tensor data belongs to another thread's confined arena: use Arena.ofShared()");
    }
  }

  private static void checkWritable(MemorySegment data) {
    check(data);
    if (data.isReadOnly()) {
      throw new IllegalArgumentException("output tensor data is read-only");
    }
  }
}
