package dev.gavel;

import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Gradients of a head's parameters on a device, f32, each in its parameter's shape: what {@link
 * Gradients} is on the host. They belong to a {@link DeviceStep} and close with it.
 */
public final class DeviceGradients {
  private final HeadSpec spec;
  private final Stream stream;
  private final List<DeviceTensor> tensors = new ArrayList<>();

  DeviceGradients(HeadSpec spec, DeviceMemory memory) {
    this.spec = spec;
    this.stream = memory.stream();
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      tensors.add(memory.floats(parameter.shape().stream().mapToLong(Long::longValue).toArray()));
    }
  }

  /** The spec whose parameters these are gradients of. */
  public HeadSpec spec() {
    return spec;
  }

  /**
   * Gradient of one parameter, which changes with the next backward pass.
   *
   * @param name canonical name of the parameter
   */
  public DeviceTensor get(String name) {
    return tensors.get(HeadParameters.indexOf(spec, name));
  }

  /** Where the work that writes and reads them is enqueued. */
  Stream stream() {
    return stream;
  }

  /** Descriptors of all, held open for the call. */
  MemorySegment describe(DeviceCall call) {
    MemorySegment array = HeadParameters.descriptors(call.arena(), tensors.size());
    for (int i = 0; i < tensors.size(); i++) {
      call.tensor(array, i * gavel_tensor.layout().byteSize(), tensors.get(i));
    }
    return array;
  }
}
