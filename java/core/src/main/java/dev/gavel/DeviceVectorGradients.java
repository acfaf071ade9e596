package dev.gavel;

/**
 * Where a {@link DeviceStep} puts the gradients of the vectors that its head or its gate reads:
 * what {@link VectorGradients} is on the host.
 *
 * @param origin what a vector is made of
 * @param values f32 [R, D], or [R, 2D] of two rows
 */
record DeviceVectorGradients(VectorGradients.Origin origin, DeviceTensor values) {

  static DeviceVectorGradients allocate(
      DeviceMemory memory, VectorGradients.Origin origin, int responses, long columns) {
    return new DeviceVectorGradients(origin, memory.floats(responses, columns));
  }

  /** Enqueues adding their part to the gradient of the hidden states. */
  void scatter(DeviceCall call, DeviceStep.Forward forward, DeviceTensor hidden) {
    DeviceBatch batch = forward.batch();
    long columns = values.shape()[1];
    switch (origin) {
      case POOLED -> call.scatter(batch, forward.pooling(), values, 0, columns, hidden);
      case GATE_ROW -> call.scatter(batch.atGate(), Pooling.index(), values, 0, columns, hidden);
      case LAST_AND_GATE_ROW -> {
        long width = columns / 2;
        call.scatter(batch, Pooling.index(), values, 0, width, hidden);
        call.scatter(batch.atGate(), Pooling.index(), values, width, width, hidden);
      }
    }
  }
}
