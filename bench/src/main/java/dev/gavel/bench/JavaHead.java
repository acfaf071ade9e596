package dev.gavel.bench;

/** The head in plain Java over f32 arrays; subclasses say how a dot product is done. */
abstract class JavaHead implements Side {
  private final BenchShape shape;
  private final float[] rows;
  private final float[] hiddenWeight;
  private final float[] hiddenBias;
  private final float[] outputWeight;
  private final float outputBias;
  private final float[] between;
  private final float[] scores;

  JavaHead(HeadTensors tensors) {
    shape = tensors.shape;
    rows = tensors.hidden.toFloats();
    boolean mlp = shape.hidden() > 0;
    hiddenWeight = mlp ? tensors.parameter("hidden.0.weight").toFloats() : new float[0];
    hiddenBias = mlp ? tensors.parameter("hidden.0.bias").toFloats() : new float[0];
    outputWeight = tensors.parameter("output.weight").toFloats();
    outputBias = tensors.parameter("output.bias").floatAt(0);
    between = new float[mlp ? shape.hidden() : shape.width()];
    scores = new float[shape.responses()];
  }

  /** Sum of a[aFrom + k] b[bFrom + k] over k below count. */
  abstract float dot(float[] a, int aFrom, float[] b, int bFrom, int count);

  /** to[k] += from[fromStart + k]. */
  abstract void add(float[] to, float[] from, int fromStart);

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    int width = shape.width();
    for (int r = 0; r < scores.length; r++) {
      int start = r * shape.span() * width;
      if (shape.span() > 1) {
        mean(start);
        scores[r] = outputBias + dot(between, 0, outputWeight, 0, width);
      } else if (shape.hidden() > 0) {
        for (int j = 0; j < between.length; j++) {
          float u = hiddenBias[j] + dot(rows, start, hiddenWeight, j * width, width);
          between[j] = u / (1 + (float) Math.exp(-u));
        }
        scores[r] = outputBias + dot(between, 0, outputWeight, 0, between.length);
      } else {
        scores[r] = outputBias + dot(rows, start, outputWeight, 0, width);
      }
    }
  }

  private void mean(int start) {
    java.util.Arrays.fill(between, 0);
    for (int row = 0; row < shape.span(); row++) {
      add(between, rows, start + row * shape.width());
    }
    for (int k = 0; k < between.length; k++) {
      between[k] /= shape.span();
    }
  }

  @Override
  public float[] results() {
    return scores.clone();
  }

  @Override
  public void close() {}
}
