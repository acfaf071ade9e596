package dev.gavel;

import dev.gavel.bindings.BorrowedMemory;
import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.UseGuard;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Numbers in native memory that kernels read and write in place: a type, a shape of 1 to 4
 * dimensions, contiguous in row-major order.
 *
 * <p>{@link #allocate} and {@code of} own their memory, and {@link #close()} frees it; closing
 * throws {@link IllegalStateException} while a call uses it, and use after it throws the same.
 * {@link #wrap} borrows memory of the caller's arena, which a call holds in the same way. Reading
 * and writing from several threads is the caller's to order; closing is safe at any time.
 */
public final class HostTensor implements AutoCloseable {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  // A cache line, so that no two tensors share one and rows of whole lines start on one.
  private static final long ALIGNMENT = 64;

  private final DType dtype;
  private final long[] shape;
  private final long elements;
  private final MemorySegment segment;
  private final UseGuard guard;
  private final boolean borrowed;
  private final Runnable onClose;

  private HostTensor(
      DType dtype,
      long[] shape,
      MemorySegment segment,
      UseGuard guard,
      boolean borrowed,
      Runnable onClose) {
    this.dtype = dtype;
    this.shape = shape;
    this.elements = segment.byteSize() / dtype.bytes();
    this.segment = segment;
    this.guard = guard;
    this.borrowed = borrowed;
    this.onClose = onClose;
  }

  /**
   * A new tensor of zeros.
   *
   * @throws InvalidTensorException if the shape is not one
   * @throws OutOfHostMemoryException if the memory cannot be had
   */
  public static HostTensor allocate(DType dtype, long... shape) {
    long bytes = Shapes.byteLength(dtype, shape);
    String name = Shapes.print(dtype, shape);
    return OwnedMemory.make(
        "%s, %s".formatted(name, Counted.of(bytes, "byte")),
        memory ->
            owning(dtype, shape, memory.arena().allocate(bytes, ALIGNMENT), memory.arena()::close));
  }

  /**
   * A new tensor of zeros in page-locked memory, which a CUDA device copies from and to at full
   * speed while the host goes on. There is less of it than of other memory: keep it for what is
   * copied again and again. It counts as held by the context ({@link Context#memory()}); closing it
   * waits for the device.
   *
   * @throws UnsupportedException if the context is on the CPU
   * @throws OutOfHostMemoryException if the memory cannot be had
   */
  public static HostTensor allocatePinned(Context context, DType dtype, long... shape) {
    long bytes = Shapes.byteLength(dtype, shape);
    try (Arena scratch = Arena.ofConfined()) {
      NativeHandle buffer =
          Gavel.bufferCreate(
              context.handle(),
              gavel_h.GAVEL_CUDA_HOST(),
              bytes,
              MemorySegment.NULL,
              new NativeError(scratch));
      MemorySegment memory = Gavel.bufferMemory(buffer, bytes);
      memory.fill((byte) 0);
      return owning(dtype, shape, memory, buffer::close);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  private static HostTensor owning(
      DType dtype, long[] shape, MemorySegment segment, Runnable free) {
    UseGuard guard = new UseGuard("tensor " + Shapes.print(dtype, shape));
    return new HostTensor(
        dtype,
        shape.clone(),
        segment,
        guard,
        false,
        () -> {
          if (guard.close()) {
            free.run();
          }
        });
  }

  /**
   * A view of the caller's memory; closing it leaves that memory alone. It must be native, aligned
   * to the type's size, and exactly as long as the shape demands. Memory of a confined arena can be
   * used by its thread only, and read-only memory only where nothing is written.
   *
   * <p>A call holds the arena: closing it meanwhile throws {@link IllegalStateException} in the
   * thread that tries, and a call after the arena was closed throws the same. One call can reach
   * memory of at most 64 arenas that are not Gavel's. Memory that no arena owns, for instance what
   * another library freed behind a {@code ByteBuffer}, nobody can hold; the caller keeps it alive
   * until every call with it has returned, and that of a copy to or from a device until its stream
   * was synchronized.
   *
   * @throws InvalidTensorException if it is not so, or the segment is a mapped file: native code
   *     must not read one, since another process that shortens the file would end this JVM; copy it
   *     into an allocated tensor
   */
  public static HostTensor wrap(DType dtype, MemorySegment segment, long... shape) {
    long bytes = Shapes.byteLength(dtype, shape);
    String name = Shapes.print(dtype, shape);
    WrappedMemory.check(segment, bytes, dtype, name);
    UseGuard guard = new UseGuard("tensor " + name);
    HostTensor tensor = new HostTensor(dtype, shape.clone(), segment, guard, true, guard::close);
    tensor.requireAccess();
    return tensor;
  }

  /** A new f32 tensor with these values, in row-major order. */
  public static HostTensor of(float[] values, long... shape) {
    HostTensor tensor = allocate(DType.F32, checked(DType.F32, values.length, shape));
    MemorySegment.copy(values, 0, tensor.segment, FLOAT, 0, values.length);
    return tensor;
  }

  /** A new i64 tensor with these values, in row-major order. */
  public static HostTensor of(long[] values, long... shape) {
    HostTensor tensor = allocate(DType.I64, checked(DType.I64, values.length, shape));
    MemorySegment.copy(values, 0, tensor.segment, LONG, 0, values.length);
    return tensor;
  }

  /** A new u8 tensor of one dimension: 1 where true, for masks. */
  public static HostTensor of(boolean[] values) {
    HostTensor tensor = allocate(DType.U8, values.length);
    for (int i = 0; i < values.length; i++) {
      tensor.segment.set(ValueLayout.JAVA_BYTE, i, (byte) (values[i] ? 1 : 0));
    }
    return tensor;
  }

  /**
   * A view of memory another object of this package owns; it lives and closes with that object's
   * guard.
   */
  static HostTensor view(DType dtype, MemorySegment memory, UseGuard guard, long... shape) {
    return view(dtype, memory, guard, false, shape);
  }

  private static HostTensor view(
      DType dtype, MemorySegment memory, UseGuard guard, boolean borrowed, long... shape) {
    long bytes = Shapes.byteLength(dtype, shape);
    return new HostTensor(
        dtype, shape.clone(), memory.asSlice(0, bytes), guard, borrowed, () -> {});
  }

  /**
   * Some rows of the first dimension, in place: a view that lives and closes with this tensor.
   *
   * @param from the first row
   * @param count rows, 1 or more
   * @throws IndexOutOfBoundsException if the tensor does not have them
   */
  public HostTensor rows(long from, long count) {
    if (from < 0 || count < 1 || count > size(0) - from) {
      throw new IndexOutOfBoundsException(
          "%s from %d on of %s".formatted(Counted.of(count, "row"), from, this));
    }
    long[] part = shape.clone();
    part[0] = count;
    long row = segment.byteSize() / size(0);
    return view(dtype, segment.asSlice(from * row), guard, borrowed, part);
  }

  /** Type of the elements. */
  public DType dtype() {
    return dtype;
  }

  /** Number of dimensions. */
  public int rank() {
    return shape.length;
  }

  /** Length of a dimension. */
  public long size(int dimension) {
    return shape[dimension];
  }

  /** Lengths of all dimensions. */
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements. */
  public long elementCount() {
    return elements;
  }

  /**
   * The memory, to be filled or read in place. It is as long as the tensor; once the tensor is
   * closed, access throws.
   *
   * @throws IllegalStateException if the tensor is closed
   */
  public MemorySegment segment() {
    requireOpen();
    return segment;
  }

  /**
   * One element in row-major order, widened to f32 where it is stored narrower.
   *
   * @throws InvalidTensorException if the elements are integers
   */
  public float floatAt(long index) {
    requireOpen();
    return switch (dtype) {
      case F32 -> segment.getAtIndex(FLOAT, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(SHORT, index));
      case BF16 -> Bfloat16.toFloat(segment.getAtIndex(SHORT, index));
      default -> throw wrongKind("read as a float; it holds integers: use longAt");
    };
  }

  /**
   * Sets one element, rounded to nearest even where it is stored narrower.
   *
   * @throws InvalidTensorException if the elements are integers, or the memory is read-only
   */
  public void setFloat(long index, float value) {
    requireOpen();
    requireWritable();
    switch (dtype) {
      case F32 -> segment.setAtIndex(FLOAT, index, value);
      case F16 -> segment.setAtIndex(SHORT, index, Float.floatToFloat16(value));
      case BF16 -> segment.setAtIndex(SHORT, index, Bfloat16.ofFloat(value));
      default -> throw wrongKind("set to a float; it holds integers: use setLong");
    }
  }

  /**
   * One element in row-major order; u8 is 0 to 255.
   *
   * @throws InvalidTensorException if the elements are not integers
   */
  public long longAt(long index) {
    requireOpen();
    return switch (dtype) {
      case I64 -> segment.getAtIndex(LONG, index);
      case I32 -> segment.getAtIndex(INT, index);
      case U8 -> Byte.toUnsignedLong(segment.get(ValueLayout.JAVA_BYTE, index));
      default -> throw wrongKind("read as an integer; use floatAt");
    };
  }

  /**
   * Sets one element.
   *
   * @throws InvalidTensorException if the elements are not integers, the value does not fit, or the
   *     memory is read-only
   */
  public void setLong(long index, long value) {
    requireOpen();
    requireWritable();
    boolean fits =
        switch (dtype) {
          case I64 -> true;
          case I32 -> value == (int) value;
          case U8 -> value >= 0 && value <= 255;
          default -> throw wrongKind("set to an integer; use setFloat");
        };
    if (!fits) {
      throw wrongKind("set to %d, which does not fit".formatted(value));
    }
    switch (dtype) {
      case I64 -> segment.setAtIndex(LONG, index, value);
      case I32 -> segment.setAtIndex(INT, index, (int) value);
      default -> segment.set(ValueLayout.JAVA_BYTE, index, (byte) value);
    }
  }

  /** All elements in row-major order, widened to f32. */
  public float[] toFloats() {
    float[] values = new float[Math.toIntExact(elements)];
    for (int i = 0; i < values.length; i++) {
      values[i] = floatAt(i);
    }
    return values;
  }

  /**
   * Replaces all elements, each rounded to nearest even where it is stored narrower.
   *
   * @throws InvalidTensorException if there are not as many values as elements
   */
  public void setFloats(float[] values) {
    checked(dtype, values.length, shape);
    for (int i = 0; i < values.length; i++) {
      setFloat(i, values[i]);
    }
  }

  /**
   * Frees the memory this tensor owns. Closing again does nothing, nor does closing a view that
   * another object gave out.
   *
   * @throws IllegalStateException if a call is using the tensor; it stays open
   */
  @Override
  public void close() {
    onClose.run();
  }

  /** For instance {@code bf16[3,4096]}. */
  @Override
  public String toString() {
    return Shapes.print(dtype, shape);
  }

  /**
   * Keeps the memory from being freed by any thread while this thread calls, until {@link
   * #release()}; throws where it already is.
   */
  void acquire() {
    guard.acquire();
    try {
      requireAccess();
      if (borrowed) {
        BorrowedMemory.hold(segment);
      }
    } catch (RuntimeException e) {
      guard.release();
      throw e;
    }
  }

  void release() {
    if (borrowed) {
      BorrowedMemory.release(segment);
    }
    guard.release();
  }

  /**
   * Keeps the tensor from being closed until {@link #letClose()}, which another thread may call:
   * for a copy that goes on after the call that began it.
   */
  void keepOpen() {
    guard.acquire();
  }

  void letClose() {
    guard.release();
  }

  /** The memory without the check that it is open: for calls between acquire and release. */
  MemorySegment memory() {
    return segment;
  }

  private void requireOpen() {
    if (!guard.isOpen()) {
      throw new IllegalStateException("tensor %s is closed".formatted(this));
    }
  }

  /** Refuses to have something written where the caller's memory is read-only. */
  void requireWritable() {
    if (segment.isReadOnly()) {
      throw new InvalidTensorException(
          "tensor %s wraps memory that is read-only, and is to be written; wrap the segment it was made of, or copy it"
              .formatted(this));
    }
  }

  private void requireAccess() {
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException(
          "tensor %s wraps memory whose arena is closed".formatted(this));
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new WrongThreadException(
          "tensor %s wraps memory of another thread's confined arena; use a shared one"
              .formatted(this));
    }
  }

  private InvalidTensorException wrongKind(String attempt) {
    return new InvalidTensorException("tensor %s cannot be %s".formatted(this, attempt));
  }

  private static long[] checked(DType dtype, int values, long... shape) {
    long expected = Shapes.byteLength(dtype, shape) / dtype.bytes();
    if (expected != values) {
      throw new InvalidTensorException(
          "%s given for %s, which has %s"
              .formatted(
                  Counted.of(values, "value"),
                  Shapes.print(dtype, shape),
                  Counted.of(expected, "element")));
    }
    return shape;
  }
}
