package dev.gavel;

import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** A head's spec and parameters as the C interface takes them. */
final class HeadParameters {
  private HeadParameters() {}

  /** The spec as a {@code gavel_head_spec}. */
  static MemorySegment struct(Arena arena, HeadSpec spec) {
    MemorySegment struct = NativeStruct.allocate(arena, gavel_head_spec.layout());
    gavel_head_spec.kind(struct, Codes.kind(spec.kind()));
    if (spec.kind() instanceof HeadSpec.Kind.ExpertConcat(int experts)) {
      gavel_head_spec.experts(struct, experts);
    }
    gavel_head_spec.dtype(struct, spec.dtype().code());
    gavel_head_spec.activation(struct, spec.activation().code());
    gavel_head_spec.norm(struct, spec.norm().code());
    gavel_head_spec.flags(struct, flags(spec));
    gavel_head_spec.norm_epsilon(struct, spec.normEpsilon());
    gavel_head_spec.output_scale(struct, spec.outputScale());
    gavel_head_spec.negative_slope(struct, spec.negativeSlope());
    gavel_head_spec.hidden_layers(struct, spec.hiddenWidths().size());
    gavel_head_spec.input_width(struct, spec.inputWidth());
    gavel_head_spec.output_width(struct, spec.outputWidth());
    MemorySegment widths = gavel_head_spec.hidden_width(struct);
    for (int i = 0; i < spec.hiddenWidths().size(); i++) {
      widths.setAtIndex(ValueLayout.JAVA_LONG, i, spec.hiddenWidths().get(i));
    }
    return struct;
  }

  private static int flags(HeadSpec spec) {
    return (spec.hiddenBias() ? gavel_h.GAVEL_HEAD_HIDDEN_BIAS() : 0)
        | (spec.outputBias() ? gavel_h.GAVEL_HEAD_OUTPUT_BIAS() : 0)
        | (spec.normBias() ? gavel_h.GAVEL_HEAD_NORM_BIAS() : 0)
        | (spec.slopePerChannel() ? gavel_h.GAVEL_HEAD_SLOPE_PER_CHANNEL() : 0);
  }

  /** An array of absent {@code gavel_tensor}, one per parameter. */
  static MemorySegment descriptors(Arena arena, int count) {
    return arena.allocate(MemoryLayout.sequenceLayout(count, gavel_tensor.layout()));
  }

  /** Describes a parameter, or something of its shape, to be read. */
  static void input(TensorDescriptor descriptor, HeadSpec.Parameter parameter, HostTensor values) {
    List<Long> shape = parameter.shape();
    if (shape.size() == 2) {
      long columns = shape.get(1);
      descriptor.input(values.dtype().code(), values.memory(), shape.get(0), columns, columns);
    } else {
      descriptor.input(values.dtype().code(), values.memory(), shape.get(0));
    }
  }

  /** Describes a parameter, or something of its shape, to be written. */
  static void output(TensorDescriptor descriptor, HeadSpec.Parameter parameter, HostTensor values) {
    List<Long> shape = parameter.shape();
    if (shape.size() == 2) {
      long columns = shape.get(1);
      descriptor.output(values.dtype().code(), values.memory(), shape.get(0), columns, columns);
    } else {
      descriptor.output(values.dtype().code(), values.memory(), shape.get(0));
    }
  }

  /** A new tensor of a parameter's shape. */
  static HostTensor allocate(HeadSpec.Parameter parameter, DType dtype) {
    return HostTensor.allocate(
        dtype, parameter.shape().stream().mapToLong(Long::longValue).toArray());
  }

  /**
   * Checks that there is exactly one tensor per parameter, of its shape and the spec's type.
   *
   * @throws InvalidTensorException naming every difference in names, or the first in type or shape
   */
  static List<HostTensor> inOrder(HeadSpec spec, Map<String, HostTensor> tensors) {
    checkNames(spec, tensors.keySet())
        .ifPresent(difference -> {
          throw new InvalidTensorException("parameters of the head: " + difference);
        });
    List<HostTensor> ordered = new ArrayList<>();
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      HostTensor tensor = tensors.get(parameter.name());
      String expected = print(spec, parameter);
      if (tensor == null || !tensor.toString().equals(expected)) {
        throw new InvalidTensorException(
            "parameter '%s' is %s; it must be %s".formatted(parameter.name(), tensor, expected));
      }
      ordered.add(tensor);
    }
    return ordered;
  }

  /** For instance {@code bf16[1,4096]}. */
  static String print(HeadSpec spec, HeadSpec.Parameter parameter) {
    return Shapes.print(
        spec.dtype(), parameter.shape().stream().mapToLong(Long::longValue).toArray());
  }

  /** Position of a parameter in canonical order. */
  static int indexOf(HeadSpec spec, String name) {
    List<String> names = names(spec);
    int index = names.indexOf(name);
    if (index < 0) {
      throw new InvalidArgumentException(
          "the head has no parameter '%s'; it has %s".formatted(name, names));
    }
    return index;
  }

  private static List<String> names(HeadSpec spec) {
    return spec.parameters().stream().map(HeadSpec.Parameter::name).toList();
  }

  /** What differs between the names of a spec and those found, if anything. */
  static Optional<String> checkNames(HeadSpec spec, Set<String> found) {
    Set<String> missing = new TreeSet<>();
    spec.parameters().forEach(parameter -> missing.add(parameter.name()));
    Set<String> unknown = new TreeSet<>(found);
    unknown.removeAll(missing);
    missing.removeAll(found);
    if (missing.isEmpty() && unknown.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        "missing %s, not known to this head %s; they must be exactly %s"
            .formatted(missing, unknown, names(spec)));
  }
}
