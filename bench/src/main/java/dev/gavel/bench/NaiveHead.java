package dev.gavel.bench;

/** Loops as anybody would write them first: one thread, f32, sums in order. */
final class NaiveHead extends JavaHead {
  NaiveHead(HeadTensors tensors) {
    super(tensors);
  }

  @Override
  public String name() {
    return "java-loop";
  }

  @Override
  float dot(float[] a, int aFrom, float[] b, int bFrom, int count) {
    float sum = 0;
    for (int k = 0; k < count; k++) {
      sum += a[aFrom + k] * b[bFrom + k];
    }
    return sum;
  }

  @Override
  void add(float[] to, float[] from, int fromStart) {
    for (int k = 0; k < to.length; k++) {
      to[k] += from[fromStart + k];
    }
  }
}
