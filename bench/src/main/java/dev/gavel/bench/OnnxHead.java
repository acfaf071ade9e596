package dev.gavel.bench;

import java.util.List;

/**
 * The same head exported as an ONNX graph and run by ONNX Runtime in f32: it has no bf16 products.
 */
final class OnnxHead implements Side {
  private final OnnxSession session;

  OnnxHead(HeadTensors tensors, int threads) {
    BenchShape shape = tensors.shape;
    long count = shape.responses();
    session =
        new OnnxSession(
            model(tensors),
            threads,
            tensors.hidden.toFloats(),
            shape.span() > 1
                ? new long[] {count, shape.span(), shape.width()}
                : new long[] {count, shape.width()},
            new long[] {count, 1});
  }

  private static byte[] model(HeadTensors tensors) {
    BenchShape shape = tensors.shape;
    OnnxModel model = new OnnxModel();
    OnnxModel.Attribute transposed = OnnxModel.Attribute.of("transB", 1);
    String vectors = "x";
    if (shape.span() > 1) {
      model.input("x", shape.responses(), shape.span(), shape.width());
      model.node(
          "ReduceMean",
          List.of("x"),
          "vectors",
          OnnxModel.Attribute.list("axes", 1),
          OnnxModel.Attribute.of("keepdims", 0));
      vectors = "vectors";
    } else {
      model.input("x", shape.responses(), shape.width());
    }
    String last = vectors;
    int depth = shape.width();
    if (shape.hidden() > 0) {
      constant(model, tensors, "hidden.0.weight");
      constant(model, tensors, "hidden.0.bias");
      model.node("Gemm", List.of(vectors, "hidden.0.weight", "hidden.0.bias"), "u", transposed);
      model.node("Sigmoid", List.of("u"), "gate");
      model.node("Mul", List.of("u", "gate"), "activated");
      last = "activated";
      depth = shape.hidden();
    }
    model.constant("output.weight", tensors.parameter("output.weight").toFloats(), 1, depth);
    constant(model, tensors, "output.bias");
    model.node("Gemm", List.of(last, "output.weight", "output.bias"), "y", transposed);
    return model.output("y", shape.responses(), 1).encoded();
  }

  private static void constant(OnnxModel model, HeadTensors tensors, String name) {
    model.constant(name, tensors.parameter(name).toFloats(), tensors.parameter(name).shape());
  }

  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    session.run();
  }

  @Override
  public float[] results() {
    return session.results();
  }

  @Override
  public void close() {
    session.close();
  }
}
