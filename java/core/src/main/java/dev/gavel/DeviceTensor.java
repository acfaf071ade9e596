package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.UseGuard;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Numbers in the memory of a CUDA device: a type, a shape of 1 or 2 dimensions, contiguous in
 * row-major order.
 *
 * <p>{@link #allocate} owns its memory, which is made and freed in the order of a stream; work on
 * another stream must be ordered with {@link Stream#waitFor}. {@link #wrap} borrows the caller's,
 * which must stay until the work enqueued with it is done.
 */
public final class DeviceTensor implements AutoCloseable {
  private final DType dtype;
  private final long[] shape;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment struct = arena.allocate(gavel_tensor.layout());
  private final UseGuard guard;
  private final int device;
  private final Runnable free;

  private DeviceTensor(
      Context context, DType dtype, long[] shape, MemorySegment data, Runnable free) {
    this.dtype = dtype;
    this.shape = shape;
    this.device = Context.deviceIndex(context);
    this.free = free;
    this.guard = new UseGuard("tensor " + Shapes.print(dtype, shape));
    long bytes = Shapes.byteLength(dtype, shape);
    TensorDescriptor.at(struct, 0).onDevice(dtype.code(), device, data.address(), bytes, shape);
  }

  /**
   * New device memory, not initialised.
   *
   * @throws InvalidTensorException if the shape is not one
   * @throws OutOfDeviceMemoryException if the device has too little; the message says how much was
   *     asked for and how much is free
   */
  public static DeviceTensor allocate(Stream stream, DType dtype, long... shape) {
    long bytes = checked(dtype, shape);
    Context context = stream.context();
    try (Arena scratch = Arena.ofConfined()) {
      NativeHandle buffer =
          Gavel.bufferCreate(
              context.handle(),
              gavel_h.GAVEL_CUDA(),
              bytes,
              stream.handle().address(),
              new NativeError(scratch));
      return new DeviceTensor(
          context, dtype, shape.clone(), Gavel.bufferData(buffer), buffer::close);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * A view of the caller's device memory; closing it leaves that memory alone. That the address is
   * of the context's device is checked by the calls it is used in.
   *
   * @param address device address of the first element, aligned to the type's size
   */
  public static DeviceTensor wrap(Context context, DType dtype, long address, long... shape) {
    return borrow(context, dtype, address, () -> {}, shape);
  }

  /** The same; {@code free} runs once, when the tensor is closed. */
  static DeviceTensor borrow(
      Context context, DType dtype, long address, Runnable free, long... shape) {
    checked(dtype, shape);
    return new DeviceTensor(context, dtype, shape.clone(), MemorySegment.ofAddress(address), free);
  }

  /** New device memory with the values of a described host tensor, whose copy is enqueued. */
  static DeviceTensor copyOf(MemorySegment described, Stream stream) {
    DType dtype = DType.ofCode(gavel_tensor.dtype(described));
    long[] shape = new long[gavel_tensor.rank(described)];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = gavel_tensor.shape(described, i);
    }
    DeviceTensor made = allocate(stream, dtype, shape);
    try (Arena scratch = Arena.ofConfined()) {
      Gavel.copy(
          stream.context().handle(),
          described,
          made.struct,
          stream.handle().address(),
          new NativeError(scratch));
      return made;
    } catch (NativeException e) {
      made.close();
      throw Failures.of(e);
    }
  }

  /** Type of the elements. */
  public DType dtype() {
    return dtype;
  }

  /** Lengths of all dimensions. */
  public long[] shape() {
    return shape.clone();
  }

  /** Device address of the first element; it cannot be read from the host. */
  public long address() {
    guard.acquire();
    try {
      return gavel_tensor.data(struct).address();
    } finally {
      guard.release();
    }
  }

  /**
   * Enqueues a copy of a host tensor of this type and shape, which is held open until the stream
   * was synchronized.
   */
  public void copyFrom(HostTensor source, Stream stream) {
    copy(source, stream, true);
  }

  /**
   * Enqueues a copy of another tensor of this type, shape and device.
   *
   * @throws InvalidTensorException if type, shape or device differ
   */
  public void copyFrom(DeviceTensor source, Stream stream) {
    if (!source.toString().equals(toString())) {
      throw new InvalidTensorException(
          "a copy between %s and %s on the device; both must be the same".formatted(source, this));
    }
    MemorySegment from = source.acquire();
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment to = acquire();
      try {
        Gavel.copy(
            stream.context().handle(),
            from,
            to,
            stream.handle().address(),
            new NativeError(scratch));
      } catch (NativeException e) {
        throw Failures.of(e);
      } finally {
        release();
      }
    } finally {
      source.release();
    }
  }

  /**
   * Enqueues a copy to a host tensor of this type and shape, which is held open, and has its
   * values, once the stream was synchronized.
   */
  public void copyTo(HostTensor target, Stream stream) {
    copy(target, stream, false);
  }

  /** Frees the memory this tensor owns, behind what is enqueued. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      free.run();
      arena.close();
    }
  }

  /** For instance {@code bf16[3,4096]}. */
  @Override
  public String toString() {
    return Shapes.print(dtype, shape);
  }

  /** Number of its device. */
  int device() {
    return device;
  }

  /** Begins a call; ended by {@link #release()}. */
  MemorySegment acquire() {
    guard.acquire();
    return struct;
  }

  void release() {
    guard.release();
  }

  private void copy(HostTensor host, Stream stream, boolean in) {
    if (!host.toString().equals(toString())) {
      throw new InvalidTensorException(
          "a copy between %s on the host and %s on the device; both must be the same"
              .formatted(host, this));
    }
    host.acquire();
    guard.acquire();
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment described = scratch.allocate(gavel_tensor.layout());
      TensorDescriptor descriptor = TensorDescriptor.at(described, 0);
      long columns = shape.length == 2 ? shape[1] : 0;
      if (shape.length == 2 && in) {
        descriptor.input(dtype.code(), host.memory(), shape[0], columns, columns);
      } else if (shape.length == 2) {
        descriptor.output(dtype.code(), host.memory(), shape[0], columns, columns);
      } else if (in) {
        descriptor.input(dtype.code(), host.memory(), shape[0]);
      } else {
        descriptor.output(dtype.code(), host.memory(), shape[0]);
      }
      Gavel.copy(
          stream.context().handle(),
          in ? described : struct,
          in ? struct : described,
          stream.handle().address(),
          new NativeError(scratch));
      stream.hold(host);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      guard.release();
      host.release();
    }
  }

  private static long checked(DType dtype, long... shape) {
    if (shape.length > 2) {
      throw new InvalidTensorException(
          "%s has %d dimensions; a device tensor has 1 or 2"
              .formatted(Shapes.print(dtype, shape), shape.length));
    }
    return Shapes.byteLength(dtype, shape);
  }
}
