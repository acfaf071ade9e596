package dev.gavel.text;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.gavel.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What an ONNX graph takes and gives, as far as a backbone uses it.
 *
 * @param inputs the inputs to feed, {@code input_ids} among them
 * @param output the output with the hidden states
 * @param type type of the hidden states: FLOAT, FLOAT16 or BFLOAT16
 * @param width H, the width of a hidden state
 * @param causal whether the block mask of a sequence lets a row see only rows before it; false
 *     where the graph has no block mask and masks by itself
 */
record OnnxGraph(List<String> inputs, String output, OnnxJavaType type, int width, boolean causal) {

  /** Which rows see which: BOOL [batch, 1, tokens, tokens]. */
  static final String BLOCK_MASK = "block_mask";

  /** Which text of a pair a token is of: 0 or 1. */
  static final String TYPES = "token_type_ids";

  static final String POSITIONS = "position_ids";

  // The metadata that says which mask a graph with a block mask was trained with.
  private static final String ATTENTION = "gavel.attention";

  private static final String OUTPUT = "last_hidden_state";

  // Wider than any model by far; an output this wide means that the file is not what it seems.
  private static final long WIDEST = 1 << 20;

  static OnnxGraph read(OrtSession session, Path name) throws OrtException {
    List<String> inputs = inputs(session, name);
    boolean causal = inputs.contains(BLOCK_MASK) && causal(session, inputs, name);
    Map<String, TensorInfo> candidates = new HashMap<>();
    for (NodeInfo node : session.getOutputInfo().values()) {
      if (node.getInfo() instanceof TensorInfo info && info.getShape().length == 3) {
        candidates.put(node.getName(), info);
      }
    }
    if (candidates.isEmpty() || (candidates.size() > 1 && !candidates.containsKey(OUTPUT))) {
      throw new FormatException(
          name,
          "has outputs %s; one of shape [batch, tokens, H] is needed, called %s if there are several"
              .formatted(
                  session.getOutputInfo().values().stream().map(OnnxGraph::described).toList(),
                  OUTPUT));
    }
    String output = candidates.containsKey(OUTPUT) ? OUTPUT : candidates.keySet().iterator().next();
    TensorInfo info = candidates.get(output);
    OnnxJavaType type = info == null ? OnnxJavaType.UNKNOWN : info.type;
    if (type != OnnxJavaType.FLOAT
        && type != OnnxJavaType.FLOAT16
        && type != OnnxJavaType.BFLOAT16) {
      throw new FormatException(
          name,
          "has output %s of type %s; hidden states must be f32, f16 or bf16"
              .formatted(output, type));
    }
    long declared = info == null ? -1 : info.getShape()[2];
    long width =
        declared > 0
            ? declared
            : probe(session, new OnnxGraph(inputs, output, type, 1, causal), name);
    if (width < 1 || width > WIDEST) {
      throw new FormatException(
          name, "has output %s with H = %d; it must be 1 to %d".formatted(output, width, WIDEST));
    }
    return new OnnxGraph(inputs, output, type, (int) width, causal);
  }

  private static List<String> inputs(OrtSession session, Path name) throws OrtException {
    List<String> names = new ArrayList<>();
    for (NodeInfo node : session.getInputInfo().values()) {
      boolean mask = node.getName().equals(BLOCK_MASK);
      boolean known =
          switch (node.getName()) {
            case "input_ids", "attention_mask", TYPES, POSITIONS, BLOCK_MASK -> true;
            default -> false;
          };
      if (!known
          || !(node.getInfo() instanceof TensorInfo info)
          || info.type != (mask ? OnnxJavaType.BOOL : OnnxJavaType.INT64)
          || info.getShape().length != (mask ? 4 : 2)) {
        throw new FormatException(
            name,
            "has input %s; inputs may be input_ids, attention_mask, token_type_ids and position_ids, i64 [batch, tokens], and block_mask, bool [batch, 1, tokens, tokens]. Export the graph without a cache of past keys and values"
                .formatted(described(node)));
      }
      names.add(node.getName());
    }
    if (!names.contains("input_ids")) {
      throw new FormatException(
          name, "has inputs %s; input_ids is needed".formatted(session.getInputNames()));
    }
    return List.copyOf(names);
  }

  /** Whether responses can share their prompt, judged as if each followed it alone. */
  boolean sharesPrompts() {
    // Where rows see what comes after them, the prompt's own states depend on the response.
    return causal;
  }

  private static boolean causal(OrtSession session, List<String> inputs, Path name)
      throws OrtException {
    if (!inputs.contains(POSITIONS)) {
      throw new FormatException(
          name,
          "has input block_mask without position_ids; positions restart after a shared prompt, so"
              + " both are needed");
    }
    String attention = session.getMetadata().getCustomMetadata().getOrDefault(ATTENTION, "nothing");
    return switch (attention) {
      case "causal" -> true;
      case "bidirectional" -> false;
      default ->
          throw new FormatException(
              name,
              "has input block_mask and says %s = %s in its metadata; it must be causal or bidirectional, since the mask of a sequence depends on it"
                  .formatted(ATTENTION, Excerpt.of(attention)));
    };
  }

  private static String described(NodeInfo node) {
    return node.getInfo() instanceof TensorInfo info
        ? "%s %s%s".formatted(node.getName(), info.type, Arrays.toString(info.getShape()))
        : "%s, which is no tensor".formatted(node.getName());
  }

  /** The width of an output that does not declare it, from a run on one token. */
  private static long probe(OrtSession session, OnnxGraph graph, Path name) throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (GraphInputs one =
            new GraphInputs(
                environment,
                graph,
                List.of(Tokens.of(0)),
                List.of(Blocks.none()),
                Optional.empty());
        OrtSession.Result result = session.run(one.tensors(), Set.of(graph.output()))) {
      if (result.get(0).getInfo() instanceof TensorInfo info && info.getShape().length == 3) {
        return info.getShape()[2];
      }
      throw new FormatException(
          name,
          "gives %s for one token; [1, 1, H] was expected".formatted(result.get(0).getInfo()));
    }
  }
}
