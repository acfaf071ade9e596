package dev.gavel;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Device tensors of one owner: closed together, also where a later one cannot be had. */
final class DeviceMemory implements AutoCloseable {
  private final Stream stream;
  private final List<DeviceTensor> tensors = new ArrayList<>();

  DeviceMemory(Stream stream) {
    this.stream = stream;
  }

  Stream stream() {
    return stream;
  }

  /** A new f32 tensor. */
  DeviceTensor floats(long... shape) {
    return allocate(DType.F32, shape);
  }

  /** A new tensor. */
  DeviceTensor allocate(DType dtype, long... shape) {
    return keep(DeviceTensor.allocate(stream, dtype, shape));
  }

  /** A new tensor with the values of a described host tensor, whose copy is enqueued. */
  DeviceTensor copyOf(MemorySegment described) {
    return keep(DeviceTensor.copyOf(described, stream));
  }

  /** Closes a tensor with the others. */
  DeviceTensor keep(DeviceTensor tensor) {
    tensors.add(tensor);
    return tensor;
  }

  /** Frees all behind what is enqueued. Closing again does nothing. */
  @Override
  public void close() {
    tensors.forEach(DeviceTensor::close);
  }
}
