package dev.gavel;

import java.util.ArrayList;
import java.util.List;

/** Tensors held open for the length of a call. */
final class Held implements AutoCloseable {
  private final List<HostTensor> tensors = new ArrayList<>();

  /** Holds a tensor open until this is closed, and returns it. */
  HostTensor open(HostTensor tensor) {
    tensor.acquire();
    tensors.add(tensor);
    return tensor;
  }

  @Override
  public void close() {
    tensors.forEach(HostTensor::release);
    tensors.clear();
  }
}
