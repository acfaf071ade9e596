package dev.gavel;

import java.util.List;
import java.util.Optional;

/** The same batch on the host and on a device, with rows for a gate, and a stream for its calls. */
final class CudaBatch implements AutoCloseable {
  static final int RESPONSES = 9;
  static final int TOKENS = 12;
  static final int WIDTH = 8;
  private static final long[] LAST = {0, 3, 11, -1, 5, 6, 7, 2, 9};
  private static final long[] GATE = {1, 4, 11, 0, -1, 8, 9, 10, 2};

  final Stream stream;
  final HostTensor hidden;
  final PackedBatch batch;
  final DeviceBatch onDevice;
  private final List<DeviceTensor> tensors;

  CudaBatch(Context cuda, DType dtype) {
    stream = Stream.open(cuda);
    hidden = CudaTest.wholeNumbers(dtype, TOKENS, WIDTH);
    batch = PackedBatch.allocate(Layout.JOINT, hidden, RESPONSES);
    batch.group().sequence(TOKENS);
    for (long row : LAST) {
      batch.response(row, row);
    }
    batch.gateRows(GATE).seal();
    tensors =
        List.of(
            DeviceTensor.allocate(stream, dtype, TOKENS, WIDTH),
            DeviceTensor.allocate(stream, DType.I64, RESPONSES),
            DeviceTensor.allocate(stream, DType.I64, RESPONSES));
    tensors.get(0).copyFrom(hidden, stream);
    try (HostTensor last = HostTensor.of(LAST, RESPONSES);
        HostTensor gate = HostTensor.of(GATE, RESPONSES)) {
      tensors.get(1).copyFrom(last, stream);
      tensors.get(2).copyFrom(gate, stream);
      stream.synchronize();
    }
    onDevice =
        new DeviceBatch(tensors.get(0), Optional.empty(), tensors.get(1)).withGate(tensors.get(2));
  }

  /** The same without rows for a gate. */
  DeviceBatch withoutGate() {
    return new DeviceBatch(onDevice.hidden(), onDevice.first(), onDevice.last());
  }

  float[] read(DeviceTensor tensor) {
    return read(tensor, stream);
  }

  static float[] read(DeviceTensor tensor, Stream stream) {
    try (HostTensor host = HostTensor.allocate(tensor.dtype(), tensor.shape())) {
      tensor.copyTo(host, stream);
      stream.synchronize();
      return host.toFloats();
    }
  }

  @Override
  public void close() {
    batch.close();
    tensors.forEach(DeviceTensor::close);
    stream.close();
    hidden.close();
  }
}
