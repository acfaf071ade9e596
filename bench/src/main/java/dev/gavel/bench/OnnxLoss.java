package dev.gavel.bench;

import java.util.List;

/** The loss alone in ONNX Runtime, which has no gradients: half of the work. */
final class OnnxLoss implements Side {
  private final OnnxSession session;

  OnnxLoss(LossCase given, int threads) {
    int count = given.scores().length;
    int size = count / given.items();
    // Bradley-Terry is the cross entropy of two, and so both are a log softmax.
    OnnxModel model =
        new OnnxModel()
            .input("x", given.items(), size)
            .constant("first", 0)
            .node("LogSoftmax", List.of("x"), "all", OnnxModel.Attribute.of("axis", 1))
            .node("Gather", List.of("all", "first"), "right", OnnxModel.Attribute.of("axis", 1))
            .node("ReduceMean", List.of("right"), "mean", OnnxModel.Attribute.of("keepdims", 1))
            .node("Neg", List.of("mean"), "y")
            .output("y", 1, 1);
    session =
        new OnnxSession(
            model.encoded(),
            threads,
            given.scores(),
            new long[] {given.items(), size},
            new long[] {1, 1});
  }

  @Override
  public String name() {
    return "onnxruntime-loss-alone";
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
