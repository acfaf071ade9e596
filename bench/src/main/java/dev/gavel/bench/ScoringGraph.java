package dev.gavel.bench;

import dev.gavel.Activation;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Norm;
import dev.gavel.RewardHead;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The built-in encoder with the default model's head behind it as one ONNX graph from tokens to
 * score, as cross-encoders are exported: what libraries that score pairs with ONNX Runtime take.
 * The vector is the mean over tokens of the second text, which the token types mark.
 */
final class ScoringGraph {
  private static final int GRAPH = 7;
  private static final int GRAPH_OUTPUT = 12;

  private ScoringGraph() {}

  static byte[] of(byte[] encoder, RewardHead head) {
    HeadSpec spec = head.spec();
    OnnxModel model = new OnnxModel();
    model.constant("column", 0, -1, 1);
    OnnxModel.Attribute overTokens = OnnxModel.Attribute.list("axes", 1);
    OnnxModel.Attribute dropped = OnnxModel.Attribute.of("keepdims", 0);
    model.node("Cast", List.of("token_type_ids"), "second", OnnxModel.Attribute.of("to", 1));
    model.node("Reshape", List.of("second", "column"), "mask");
    model.node("Mul", List.of("last_hidden_state", "mask"), "masked");
    model.node("ReduceMean", List.of("masked"), "part", overTokens, dropped);
    model.node("ReduceMean", List.of("mask"), "share", overTokens, dropped);
    model.node("Div", List.of("part", "share"), "vector");
    norm(model, head);
    OnnxModel.Attribute transposed = OnnxModel.Attribute.of("transB", 1);
    String last = "layer.0";
    for (int l = 0; l < spec.hiddenWidths().size(); l++) {
      String name = "hidden." + l;
      layer(model, head, name, last, name + ".u", transposed, spec.hiddenBias());
      // The default head's; another needs its own node here.
      if (spec.activation() != Activation.SILU) {
        throw new IllegalStateException("no ONNX nodes are written for " + spec.activation());
      }
      model.node("Sigmoid", List.of(name + ".u"), name + ".gate");
      last = "layer." + (l + 1);
      model.node("Mul", List.of(name + ".u", name + ".gate"), last);
    }
    layer(model, head, "output", last, "unscaled", transposed, spec.outputBias());
    model.constant("scale", new float[] {spec.outputScale()}, 1);
    model.node("Mul", List.of("unscaled", "scale"), "logits");
    return model.output("logits").appendedTo(withoutOutputs(encoder));
  }

  private static void norm(OnnxModel model, RewardHead head) {
    HeadSpec spec = head.spec();
    if (spec.norm() == Norm.NONE) {
      model.node("Identity", List.of("vector"), "layer.0");
      return;
    }
    OnnxModel.Attribute overWidth = OnnxModel.Attribute.list("axes", 1);
    String from = "vector";
    if (spec.norm() == Norm.LAYER) {
      model.node("ReduceMean", List.of("vector"), "norm.mean", overWidth);
      model.node("Sub", List.of("vector", "norm.mean"), "norm.centered");
      from = "norm.centered";
    }
    model.constant("norm.epsilon", new float[] {spec.normEpsilon()}, 1);
    constant(model, head, "norm.weight");
    model.node("Mul", List.of(from, from), "norm.squares");
    model.node("ReduceMean", List.of("norm.squares"), "norm.variance", overWidth);
    model.node("Add", List.of("norm.variance", "norm.epsilon"), "norm.positive");
    model.node("Sqrt", List.of("norm.positive"), "norm.deviation");
    model.node("Div", List.of(from, "norm.deviation"), "norm.unit");
    String to = spec.normBias() ? "norm.weighted" : "layer.0";
    model.node("Mul", List.of("norm.unit", "norm.weight"), to);
    if (spec.normBias()) {
      constant(model, head, "norm.bias");
      model.node("Add", List.of(to, "norm.bias"), "layer.0");
    }
  }

  private static void layer(
      OnnxModel model,
      RewardHead head,
      String name,
      String from,
      String to,
      OnnxModel.Attribute transposed,
      boolean hasBias) {
    constant(model, head, name + ".weight");
    if (hasBias) {
      constant(model, head, name + ".bias");
    }
    model.node(
        "Gemm",
        hasBias ? List.of(from, name + ".weight", name + ".bias") : List.of(from, name + ".weight"),
        to,
        transposed);
  }

  private static void constant(OnnxModel model, RewardHead head, String name) {
    try (HostTensor values = head.parameter(name)) {
      model.constant(name, values.toFloats(), values.shape());
    }
  }

  // The graph's own output would come first, and readers take the first.
  private static byte[] withoutOutputs(byte[] model) {
    return rewritten(ByteBuffer.wrap(model), false);
  }

  // Copies a message field by field: of the model, whose graph is gone into; of the graph, whose
  // outputs are left out.
  private static byte[] rewritten(ByteBuffer in, boolean isGraph) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while (in.hasRemaining()) {
      int start = in.position();
      long tag = varint(in);
      int field = (int) (tag >>> 3);
      int end;
      switch ((int) tag & 7) {
        case 0 -> {
          varint(in);
          end = in.position();
        }
        case 2 -> {
          int length = Math.toIntExact(varint(in));
          end = in.position() + length;
        }
        default -> throw new IllegalStateException("protobuf wire type " + (tag & 7));
      }
      if (!isGraph && field == GRAPH) {
        OnnxModel.bytes(out, GRAPH, rewritten(in.slice(in.position(), end - in.position()), true));
      } else if (!isGraph || field != GRAPH_OUTPUT) {
        out.write(in.array(), in.arrayOffset() + start, end - start);
      }
      in.position(end);
    }
    return out.toByteArray();
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  /** A file of the built-in model, which is a resource of another jar. */
  static byte[] resource(String name) throws java.io.IOException {
    try (java.io.InputStream in = ClassLoader.getSystemResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("%s is not on the class path".formatted(name));
      }
      return in.readAllBytes();
    }
  }
}
