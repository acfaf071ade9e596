package dev.gavel.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The C struct {@code DLManagedTensorVersioned} of DLPack 1, by which frameworks hand each other
 * tensors: read from memory that another one filled, or made for another one. Reads what it is
 * told; what the fields say is checked by the caller.
 */
public final class DlManagedTensor {
  /** Major version of the layout below; a tensor of another one must not be read. */
  public static final int MAJOR = 1;

  /** {@code DLPACK_FLAG_BITMASK_READ_ONLY}. */
  public static final long READ_ONLY = 1;

  // dlpack.h: version, manager_ctx, deleter, flags, then the DLTensor.
  private static final long SIZE = 80;
  private static final long DELETER = 16;
  private static final long FLAGS = 24;
  private static final long DATA = 32;
  private static final long DEVICE_TYPE = 40;
  private static final long DEVICE_ID = 44;
  private static final long DIMENSIONS = 48;
  private static final long TYPE_CODE = 52;
  private static final long TYPE_BITS = 53;
  private static final long TYPE_LANES = 54;
  private static final long SHAPE = 56;
  private static final long STRIDES = 64;
  private static final long BYTE_OFFSET = 72;
  private static final int MINOR = 1;

  private static final FunctionDescriptor DELETER_TYPE =
      FunctionDescriptor.ofVoid(ValueLayout.ADDRESS);
  // Tensors that were given away, by their address, until their taker deletes them.
  private static final Map<Long, Given> GIVEN = new ConcurrentHashMap<>();

  private record Given(Arena arena, Runnable release) {}

  /** The function that takers call: one for all, since it must outlive what it frees. */
  private static final class Deleter {
    static final MemorySegment FUNCTION = make();

    private static MemorySegment make() {
      try {
        MethodHandle deleted =
            MethodHandles.lookup()
                .findStatic(
                    DlManagedTensor.class,
                    "deleted",
                    MethodType.methodType(void.class, MemorySegment.class));
        return Linker.nativeLinker().upcallStub(deleted, DELETER_TYPE, Arena.global());
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }
  }

  private final MemorySegment struct;

  private DlManagedTensor(MemorySegment struct) {
    this.struct = struct;
  }

  /**
   * A view of a struct that another framework filled.
   *
   * @param address where it lies; its size is not looked at
   */
  public static DlManagedTensor at(MemorySegment address) {
    return new DlManagedTensor(MemorySegment.ofAddress(address.address()).reinterpret(SIZE));
  }

  /**
   * A new struct for another framework, contiguous.
   *
   * @param release runs once, when the taker deletes it, on whatever thread that is
   */
  public static DlManagedTensor give(
      MemorySegment data,
      int deviceType,
      int deviceId,
      int typeCode,
      int typeBits,
      long[] lengths,
      Runnable release) {
    Arena arena = Arena.ofShared();
    MemorySegment struct = arena.allocate(SIZE, Long.BYTES);
    MemorySegment shape = arena.allocateFrom(ValueLayout.JAVA_LONG, lengths);
    MemorySegment strides = arena.allocate(ValueLayout.JAVA_LONG, lengths.length);
    long stride = 1;
    for (int i = lengths.length - 1; i >= 0; i--) {
      strides.setAtIndex(ValueLayout.JAVA_LONG, i, stride);
      stride *= Math.max(lengths[i], 1);
    }
    struct.set(ValueLayout.JAVA_INT, 0, MAJOR);
    struct.set(ValueLayout.JAVA_INT, Integer.BYTES, MINOR);
    struct.set(ValueLayout.ADDRESS, DELETER, Deleter.FUNCTION);
    struct.set(ValueLayout.ADDRESS, DATA, data);
    struct.set(ValueLayout.JAVA_INT, DEVICE_TYPE, deviceType);
    struct.set(ValueLayout.JAVA_INT, DEVICE_ID, deviceId);
    struct.set(ValueLayout.JAVA_INT, DIMENSIONS, lengths.length);
    struct.set(ValueLayout.JAVA_BYTE, TYPE_CODE, (byte) typeCode);
    struct.set(ValueLayout.JAVA_BYTE, TYPE_BITS, (byte) typeBits);
    struct.set(ValueLayout.JAVA_SHORT, TYPE_LANES, (short) 1);
    struct.set(ValueLayout.ADDRESS, SHAPE, shape);
    struct.set(ValueLayout.ADDRESS, STRIDES, strides);
    GIVEN.put(struct.address(), new Given(arena, release));
    return new DlManagedTensor(struct);
  }

  /** The struct, to be handed over. */
  public MemorySegment address() {
    return struct;
  }

  /** Major version of its layout; nothing else may be read of one that is not {@link #MAJOR}. */
  public int major() {
    return struct.get(ValueLayout.JAVA_INT, 0);
  }

  /** {@code DLPACK_FLAG_BITMASK_*}. */
  public long flags() {
    return struct.get(ValueLayout.JAVA_LONG, FLAGS);
  }

  /** Address of the first element, before {@link #byteOffset()}. */
  public long data() {
    return struct.get(ValueLayout.ADDRESS, DATA).address();
  }

  /** Bytes from {@link #data()} to the first element, an unsigned number. */
  public long byteOffset() {
    return struct.get(ValueLayout.JAVA_LONG, BYTE_OFFSET);
  }

  /** {@code DLDeviceType}. */
  public int deviceType() {
    return struct.get(ValueLayout.JAVA_INT, DEVICE_TYPE);
  }

  /** Number of the device among those of its type. */
  public int deviceId() {
    return struct.get(ValueLayout.JAVA_INT, DEVICE_ID);
  }

  /** {@code ndim}. */
  public int dimensions() {
    return struct.get(ValueLayout.JAVA_INT, DIMENSIONS);
  }

  /** {@code DLDataTypeCode}. */
  public int typeCode() {
    return Byte.toUnsignedInt(struct.get(ValueLayout.JAVA_BYTE, TYPE_CODE));
  }

  /** Bits of an element. */
  public int typeBits() {
    return Byte.toUnsignedInt(struct.get(ValueLayout.JAVA_BYTE, TYPE_BITS));
  }

  /** Numbers in an element. */
  public int typeLanes() {
    return Short.toUnsignedInt(struct.get(ValueLayout.JAVA_SHORT, TYPE_LANES));
  }

  /**
   * Lengths of the dimensions; empty where the pointer is NULL.
   *
   * @param count how many are read, from 1 on
   */
  public long[] shape(int count) {
    return numbers(SHAPE, count);
  }

  /** Elements from one entry of a dimension to the next; empty where the pointer is NULL. */
  public long[] strides(int count) {
    return numbers(STRIDES, count);
  }

  /** Calls the deleter, where there is one: the struct is gone afterwards. */
  public void delete() {
    MemorySegment function = struct.get(ValueLayout.ADDRESS, DELETER);
    if (function.address() == 0) {
      return;
    }
    MethodHandle deleter = Linker.nativeLinker().downcallHandle(function, DELETER_TYPE);
    try {
      deleter.invokeExact(struct);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a native function threw", e);
    }
  }

  private long[] numbers(long offset, int count) {
    MemorySegment pointer = struct.get(ValueLayout.ADDRESS, offset);
    if (pointer.address() == 0) {
      return new long[0];
    }
    return pointer.reinterpret((long) count * Long.BYTES).toArray(ValueLayout.JAVA_LONG);
  }

  // An exception that left this method would end the process, so none may: a second call for the
  // same struct finds nothing.
  @SuppressWarnings("UnusedMethod") // found by its name
  private static void deleted(MemorySegment struct) {
    Given given = GIVEN.remove(struct.address());
    if (given != null) {
      given.release().run();
      given.arena().close();
    }
  }
}
