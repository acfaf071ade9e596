package dev.gavel;

import dev.gavel.bindings.DlManagedTensor;
import dev.gavel.message.Counted;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Tensors of a CUDA device from and to other frameworks (PyTorch, ONNX Runtime, JAX, CuPy) by
 * DLPack 1, without a copy. What crosses is the address of a {@code DLManagedTensorVersioned}.
 *
 * <p>DLPack says nothing of streams: order the other framework's work before the first call, and
 * after the last, with {@link Stream#wrap} of its stream, or {@link Stream#waitFor}.
 */
public final class DlPack {
  // DLDeviceType and DLDataTypeCode of dlpack.h.
  private static final int CUDA = 2;
  private static final int INT = 0;
  private static final int UINT = 1;
  private static final int FLOAT = 2;
  private static final int BFLOAT = 4;
  private static final int BOOL = 6;

  private DlPack() {}

  /**
   * Takes a tensor of the context's device from another framework. Closing the tensor gives it
   * back, by its deleter.
   *
   * @param managed address of a {@code DLManagedTensorVersioned}; whatever is refused still belongs
   *     to the caller, and is not deleted
   * @return f32, f16, bf16, i64, i32 or u8 (bool, too) of 1 or 2 dimensions
   * @throws InvalidTensorException if it is of another version, device, type or rank, read-only, or
   *     its rows have gaps; the message says which
   */
  public static DeviceTensor take(Context context, MemorySegment managed) {
    int device = Context.deviceIndex(context);
    require(managed.address() != 0, "the address is 0");
    DlManagedTensor tensor = DlManagedTensor.at(managed);
    require(
        tensor.major() == DlManagedTensor.MAJOR,
        "its version is %d; only %d can be read".formatted(tensor.major(), DlManagedTensor.MAJOR));
    require(
        (tensor.flags() & DlManagedTensor.READ_ONLY) == 0,
        "it is read-only, and calls may write device tensors: give a copy");
    require(
        tensor.deviceType() == CUDA && tensor.deviceId() == device,
        "it is on device %d of type %d; the context is on device %d of type %d (CUDA)"
            .formatted(tensor.deviceId(), tensor.deviceType(), device, CUDA));
    DType dtype = typeOf(tensor);
    int dimensions = tensor.dimensions();
    require(
        dimensions == 1 || dimensions == 2,
        "it has %s; say 1 or 2".formatted(Counted.of(dimensions, "dimension")));
    long[] shape = tensor.shape(dimensions);
    require(shape.length == dimensions, "its shape is NULL");
    // Before anything is computed from the lengths.
    long bytes = Shapes.byteLength(dtype, shape);
    requireContiguous(dtype, shape, tensor.strides(dimensions));
    long data = tensor.data();
    long offset = tensor.byteOffset();
    require(
        offset >= 0 && data >= 0 && data <= Long.MAX_VALUE - offset - bytes,
        "its data at %s and %s bytes on passes the end of memory"
            .formatted(Long.toHexString(data), Long.toUnsignedString(offset)));
    require(bytes == 0 || data != 0, "its data is NULL");
    require(
        (data + offset) % dtype.bytes() == 0,
        "its data at %s is not aligned to %d bytes"
            .formatted(Long.toHexString(data + offset), dtype.bytes()));
    return DeviceTensor.borrow(context, dtype, data + offset, tensor::delete, shape);
  }

  /**
   * Gives a tensor to another framework, which must call its deleter; until then the tensor cannot
   * be closed.
   *
   * @return address of a {@code DLManagedTensorVersioned}
   */
  public static MemorySegment give(DeviceTensor tensor) {
    MemorySegment data = MemorySegment.ofAddress(tensor.address());
    tensor.acquire();
    DType dtype = tensor.dtype();
    return DlManagedTensor.give(
            data,
            CUDA,
            tensor.device(),
            codeOf(dtype),
            Byte.SIZE * dtype.bytes(),
            tensor.shape(),
            tensor::release)
        .address();
  }

  private static void requireContiguous(DType dtype, long[] shape, long[] strides) {
    // NULL says contiguous.
    if (strides.length == 0 || Shapes.byteLength(dtype, shape) == 0) {
      return;
    }
    long expected = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      // Where there is one entry, nothing is ever that far away.
      require(
          shape[i] == 1 || strides[i] == expected,
          "its stride %d is %d; rows must follow one another without gaps: say %d"
              .formatted(i, strides[i], expected));
      expected *= shape[i];
    }
  }

  private static DType typeOf(DlManagedTensor tensor) {
    int code = tensor.typeCode();
    int bits = tensor.typeBits();
    Optional<DType> found =
        tensor.typeLanes() != 1
            ? Optional.empty()
            : switch (code) {
              case FLOAT ->
                  bits == 32
                      ? Optional.of(DType.F32)
                      : bits == 16 ? Optional.of(DType.F16) : Optional.empty();
              case BFLOAT -> bits == 16 ? Optional.of(DType.BF16) : Optional.empty();
              case INT ->
                  bits == 64
                      ? Optional.of(DType.I64)
                      : bits == 32 ? Optional.of(DType.I32) : Optional.empty();
              case UINT, BOOL -> bits == 8 ? Optional.of(DType.U8) : Optional.empty();
              default -> Optional.empty();
            };
    return found.orElseThrow(() ->
        refusal(
            "its type has code %d, %d bits and %s; there are f32, f16, bf16, i64, i32 and u8"
                .formatted(code, bits, Counted.of(tensor.typeLanes(), "lane"))));
  }

  private static int codeOf(DType dtype) {
    return switch (dtype) {
      case F32, F16 -> FLOAT;
      case BF16 -> BFLOAT;
      case I32, I64 -> INT;
      case U8 -> UINT;
    };
  }

  private static void require(boolean holds, String reason) {
    if (!holds) {
      throw refusal(reason);
    }
  }

  private static InvalidTensorException refusal(String reason) {
    return new InvalidTensorException("DLPack tensor: " + reason);
  }
}
