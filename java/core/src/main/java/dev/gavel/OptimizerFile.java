package dev.gavel;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The state of an optimizer as one safetensors file: f32 tensors {@code master.NAME}, {@code
 * first_moment.NAME} and {@code second_moment.NAME} for every parameter of the head, metadata
 * {@code gavel.format} = optimizer, {@code gavel.format_version} = 1 and {@code
 * gavel.optimizer.step_count}.
 */
final class OptimizerFile {
  private static final String STEP_COUNT = "gavel.optimizer.step_count";

  private OptimizerFile() {}

  static void save(Optimizer optimizer, Path path) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    try {
      List<HeadSpec.Parameter> parameters = optimizer.head().spec().parameters();
      for (Optimizer.State state : Optimizer.State.values()) {
        for (int i = 0; i < parameters.size(); i++) {
          tensors.put(name(state, parameters.get(i)), optimizer.read(state, i));
        }
      }
      Map<String, String> metadata =
          Map.of(
              "gavel.format",
              "optimizer",
              "gavel.format_version",
              "1",
              STEP_COUNT,
              Long.toString(optimizer.stepCount()));
      Safetensors.write(path, metadata, tensors);
    } finally {
      tensors.values().forEach(HostTensor::close);
    }
  }

  static void restore(Optimizer optimizer, Path path) {
    List<HeadSpec.Parameter> parameters = optimizer.head().spec().parameters();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      MetadataReader metadata = new MetadataReader(path, file.metadata());
      metadata.require("gavel.format", "optimizer");
      metadata.require("gavel.format_version", "1");
      long stepCount = metadata.longInteger(STEP_COUNT);
      if (stepCount < 0) {
        throw new FormatException(
            path, "has step count %d; it must be 0 or more".formatted(stepCount));
      }
      metadata.refuseOthers(HeadFile.PREFIX);
      checkNames(path, parameters, file);
      // All tensors are read, and so checked, before the first one is taken over.
      for (Optimizer.State state : Optimizer.State.values()) {
        for (HeadSpec.Parameter parameter : parameters) {
          HostTensor values = HeadParameters.allocate(parameter, DType.F32);
          tensors.put(name(state, parameter), values);
          file.copyTo(name(state, parameter), values);
        }
      }
      for (Optimizer.State state : Optimizer.State.values()) {
        for (int i = 0; i < parameters.size(); i++) {
          HostTensor values = tensors.get(name(state, parameters.get(i)));
          if (values != null) {
            optimizer.write(state, i, values);
          }
        }
      }
      optimizer.setStepCount(stepCount);
    } finally {
      tensors.values().forEach(HostTensor::close);
    }
  }

  private static void checkNames(Path path, List<HeadSpec.Parameter> parameters, Safetensors file) {
    Set<String> missing = new TreeSet<>();
    for (Optimizer.State state : Optimizer.State.values()) {
      parameters.forEach(parameter -> missing.add(name(state, parameter)));
    }
    Set<String> unknown = new TreeSet<>();
    for (Safetensors.Entry entry : file.entries()) {
      if (!missing.remove(entry.name())) {
        unknown.add(entry.name());
      }
    }
    if (!missing.isEmpty() || !unknown.isEmpty()) {
      throw new FormatException(
          path,
          "holds the state of another head: missing %s, not known to this head %s"
              .formatted(missing, unknown));
    }
  }

  private static String name(Optimizer.State state, HeadSpec.Parameter parameter) {
    return state.name().toLowerCase(Locale.ROOT) + "." + parameter.name();
  }
}
