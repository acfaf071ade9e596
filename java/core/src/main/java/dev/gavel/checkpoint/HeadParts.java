package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the parameters of a head, as its plan says. */
final class HeadParts {
  private HeadParts() {}

  /** One tensor per parameter, by canonical name; the caller closes them. */
  static Map<String, HostTensor> read(TensorSource source, Plan plan, DType dtype) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    try {
      for (Plan.Part part : plan.parts()) {
        parameters.put(part.parameter(), read(source, part, dtype));
      }
      return parameters;
    } catch (RuntimeException e) {
      parameters.values().forEach(HostTensor::close);
      throw e;
    }
  }

  private static HostTensor read(TensorSource source, Plan.Part part, DType dtype) {
    return switch (part.rows().size()) {
      case 0 -> widened(source.read(part.tensor()), dtype);
      case 1 -> widened(source.readRow(part.tensor(), part.rows().getFirst()), dtype);
      default -> {
        HostTensor first = source.readRow(part.tensor(), part.rows().get(0));
        try (first;
            HostTensor second = source.readRow(part.tensor(), part.rows().get(1))) {
          HostTensor difference = HostTensor.allocate(dtype, first.shape());
          for (long i = 0; i < first.elementCount(); i++) {
            difference.setFloat(i, first.floatAt(i) - second.floatAt(i));
          }
          yield difference;
        }
      }
    };
  }

  /** The same numbers in f32, exactly, or the tensor itself where it is of the type already. */
  private static HostTensor widened(HostTensor tensor, DType dtype) {
    if (tensor.dtype() == dtype) {
      return tensor;
    }
    try (tensor) {
      HostTensor wide = HostTensor.allocate(dtype, tensor.shape());
      for (long i = 0; i < tensor.elementCount(); i++) {
        wide.setFloat(i, tensor.floatAt(i));
      }
      return wide;
    }
  }

  /** The spec with another storage type. */
  static HeadSpec withType(HeadSpec spec, DType dtype) {
    return new HeadSpec(
        dtype,
        spec.inputWidth(),
        spec.hiddenWidths(),
        spec.outputWidth(),
        spec.activation(),
        spec.norm(),
        spec.normEpsilon(),
        spec.outputScale(),
        spec.negativeSlope(),
        spec.hiddenBias(),
        spec.outputBias(),
        spec.normBias(),
        spec.slopePerChannel(),
        spec.kind());
  }
}
