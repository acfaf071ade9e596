package dev.gavel.examples.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The same numbers as an {@code NDArray} and as a {@code HostTensor}, without a copy: what one side
 * writes, the other reads. Whoever owns the memory must outlive the view.
 */
public final class SharedMemory {
  private SharedMemory() {}

  /**
   * A view of an array, which stays open as long as the view is used.
   *
   * @param array f32 or i64, on the CPU, made by DJL's PyTorch engine; not a view whose numbers do
   *     not lie one after another (transposed, columns of a slice, broadcast), of which the engine
   *     hands out a copy
   * @throws IllegalArgumentException if it is none of these
   */
  public static HostTensor tensor(NDArray array) {
    if (!array.getDevice().equals(Device.cpu())) {
      throw new IllegalArgumentException(
          "the array is on %s; it must be on the CPU to be shared".formatted(array.getDevice()));
    }
    DType dtype =
        switch (array.getDataType()) {
          case FLOAT32 -> DType.F32;
          case INT64 -> DType.I64;
          default ->
              throw new IllegalArgumentException(
                  "the array holds %s; it must hold float32 or int64"
                      .formatted(array.getDataType()));
        };
    ByteBuffer memory = array.toByteBuffer(true);
    if (!memory.isDirect()) {
      throw new IllegalArgumentException(
          "engine %s hands out copies of its arrays only; use PyTorch"
              .formatted(array.getManager().getEngine().getEngineName()));
    }
    // Of a view each call copies anew; what is written to a copy would not reach the array.
    if (!MemorySegment.ofBuffer(memory).equals(MemorySegment.ofBuffer(array.toByteBuffer(true)))) {
      throw new IllegalArgumentException(
          "the array of shape %s is a view whose numbers do not lie one after another; share a copy, flatten().reshape(shape)"
              .formatted(array.getShape()));
    }
    return HostTensor.wrap(dtype, MemorySegment.ofBuffer(memory), array.getShape().getShape());
  }

  /**
   * A view of a tensor of f32 or i64.
   *
   * @param manager of DJL's PyTorch engine; closing it leaves the tensor alone
   */
  public static NDArray array(NDManager manager, HostTensor tensor) {
    DataType type =
        switch (tensor.dtype()) {
          case F32 -> DataType.FLOAT32;
          case I64 -> DataType.INT64;
          default ->
              throw new IllegalArgumentException(
                  "the tensor is %s; it must be f32 or i64".formatted(tensor));
        };
    ByteBuffer memory = tensor.segment().asByteBuffer().order(ByteOrder.nativeOrder());
    return manager.create(memory, new Shape(tensor.shape()), type);
  }
}
