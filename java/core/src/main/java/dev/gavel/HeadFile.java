package dev.gavel;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A reward head as one safetensors file: the parameters under their canonical names, and the spec
 * in {@code __metadata__}. {@link RewardHead#save(Path, Map)} documents the keys.
 */
final class HeadFile {
  static final String PREFIX = "gavel.";

  private static final String FORMAT = "gavel.format";
  private static final String FORMAT_NAME = "reward-head";
  private static final String VERSION = "gavel.format_version";
  private static final String VERSION_KNOWN = "1";

  private static final List<String> KINDS =
      List.of("linear", "mlp", "vocab_rows", "expert_concat");
  private static final String TOKENS = "gavel.head.tokens";
  private static final String EXPERTS = "gavel.head.experts";

  private HeadFile() {}

  static void save(RewardHead head, Path path, Map<String, String> texts) {
    for (String key : texts.keySet()) {
      if (key.startsWith(PREFIX)) {
        throw new InvalidArgumentException(
            "metadata key '%s' begins with %s, which is kept for the head itself"
                .formatted(key, PREFIX));
      }
    }
    Map<String, String> metadata = new LinkedHashMap<>(texts);
    metadata.put(FORMAT, FORMAT_NAME);
    metadata.put(VERSION, VERSION_KNOWN);
    metadata.putAll(describe(head.spec()));
    Map<String, HostTensor> parameters = head.parameters();
    try {
      Safetensors.write(path, metadata, parameters);
    } finally {
      parameters.values().forEach(HostTensor::close);
    }
  }

  static RewardHead load(Context context, Path path) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      HeadSpec spec = spec(path, file.metadata());
      Set<String> names = new LinkedHashSet<>();
      file.entries().forEach(entry -> names.add(entry.name()));
      Optional<String> difference = HeadParameters.checkNames(spec, names);
      if (difference.isPresent()) {
        throw new FormatException(path, "holds other tensors than its head: " + difference.get());
      }
      for (HeadSpec.Parameter parameter : spec.parameters()) {
        requireShape(path, file.entry(parameter.name()), spec, parameter);
        // A copy: native code must not read a mapped file (see Safetensors).
        parameters.put(parameter.name(), file.read(parameter.name()));
      }
      return RewardHead.create(context, spec, parameters);
    } finally {
      parameters.values().forEach(HostTensor::close);
    }
  }

  private static void requireShape(
      Path path, Safetensors.Entry entry, HeadSpec spec, HeadSpec.Parameter parameter) {
    boolean same =
        entry.dtype().equals(SafetensorsDtype.name(spec.dtype()))
            && entry.shape().equals(parameter.shape());
    if (!same) {
      throw new FormatException(
          path,
          "tensor '%s' is %s; the head it describes has %s"
              .formatted(entry.name(), entry, HeadParameters.print(spec, parameter)));
    }
  }

  private static Map<String, String> describe(HeadSpec spec) {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("gavel.head.kind", kind(spec.kind()));
    texts.put("gavel.head.dtype", spec.dtype().toString());
    texts.put("gavel.head.input_width", Integer.toString(spec.inputWidth()));
    texts.put(
        "gavel.head.hidden_widths",
        String.join(",", spec.hiddenWidths().stream().map(String::valueOf).toList()));
    texts.put("gavel.head.output_width", Integer.toString(spec.outputWidth()));
    texts.put("gavel.head.activation", lower(spec.activation()));
    texts.put("gavel.head.norm", lower(spec.norm()));
    texts.put("gavel.head.norm_epsilon", Float.toString(spec.normEpsilon()));
    texts.put("gavel.head.output_scale", Float.toString(spec.outputScale()));
    texts.put("gavel.head.negative_slope", Float.toString(spec.negativeSlope()));
    texts.put("gavel.head.hidden_bias", Boolean.toString(spec.hiddenBias()));
    texts.put("gavel.head.output_bias", Boolean.toString(spec.outputBias()));
    texts.put("gavel.head.norm_bias", Boolean.toString(spec.normBias()));
    texts.put("gavel.head.slope_per_channel", Boolean.toString(spec.slopePerChannel()));
    switch (spec.kind()) {
      case HeadSpec.Kind.VocabRows(List<Integer> tokens) ->
          texts.put(TOKENS, String.join(",", tokens.stream().map(String::valueOf).toList()));
      case HeadSpec.Kind.ExpertConcat(int experts) ->
          texts.put(EXPERTS, Integer.toString(experts));
      case HeadSpec.Kind.Linear(), HeadSpec.Kind.Mlp() -> {}
    }
    return texts;
  }

  private static HeadSpec spec(Path path, Map<String, String> metadata) {
    MetadataReader read = new MetadataReader(path, metadata);
    read.require(FORMAT, FORMAT_NAME);
    read.require(VERSION, VERSION_KNOWN);
    String kind = read.oneOf("gavel.head.kind", KINDS);
    List<Integer> widths = integers(read, "gavel.head.hidden_widths");
    try {
      HeadSpec spec =
          new HeadSpec(
              DType.parse(read.text("gavel.head.dtype")),
              read.integer("gavel.head.input_width"),
              widths,
              read.integer("gavel.head.output_width"),
              read.choice("gavel.head.activation", Activation.values()),
              read.choice("gavel.head.norm", Norm.values()),
              read.number("gavel.head.norm_epsilon"),
              read.number("gavel.head.output_scale"),
              read.number("gavel.head.negative_slope"),
              read.truth("gavel.head.hidden_bias"),
              read.truth("gavel.head.output_bias"),
              read.truth("gavel.head.norm_bias"),
              read.truth("gavel.head.slope_per_channel"),
              kind(read, kind));
      read.refuseOthers(PREFIX);
      return spec;
    } catch (InvalidArgumentException e) {
      throw new FormatException(
          path, "describes a %s head that cannot be: %s".formatted(kind, e.getMessage()), e);
    }
  }

  private static List<Integer> integers(MetadataReader read, String key) {
    List<Integer> all = new ArrayList<>();
    String listed = read.text(key);
    if (!listed.isEmpty()) {
      for (String one : listed.split(",", -1)) {
        all.add(read.integer(key, one));
      }
    }
    return all;
  }

  private static String kind(HeadSpec.Kind kind) {
    return switch (kind) {
      case HeadSpec.Kind.Linear() -> KINDS.get(0);
      case HeadSpec.Kind.Mlp() -> KINDS.get(1);
      case HeadSpec.Kind.VocabRows(List<Integer> tokens) -> KINDS.get(2);
      case HeadSpec.Kind.ExpertConcat(int experts) -> KINDS.get(3);
    };
  }

  private static HeadSpec.Kind kind(MetadataReader read, String kind) {
    return switch (KINDS.indexOf(kind)) {
      case 0 -> new HeadSpec.Kind.Linear();
      case 1 -> new HeadSpec.Kind.Mlp();
      case 2 -> new HeadSpec.Kind.VocabRows(integers(read, TOKENS));
      default -> new HeadSpec.Kind.ExpertConcat(read.integer(EXPERTS));
    };
  }

  private static String lower(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT);
  }
}
