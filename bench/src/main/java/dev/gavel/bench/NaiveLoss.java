package dev.gavel.bench;

/** The loss and its gradient in loops, with Java's own exp and log. */
final class NaiveLoss implements Side {
  private final LossCase given;
  private final float[] results;

  NaiveLoss(LossCase given) {
    this.given = given;
    results = new float[1 + given.scores().length];
  }

  @Override
  public String name() {
    return "java-loop";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    float[] scores = given.scores();
    int size = scores.length / given.items();
    float share = 1f / given.items();
    float loss = 0;
    for (int from = 0; from < scores.length; from += size) {
      float largest = scores[from];
      for (int i = from + 1; i < from + size; i++) {
        largest = Math.max(largest, scores[i]);
      }
      float sum = 0;
      for (int i = from; i < from + size; i++) {
        results[1 + i] = (float) Math.exp(scores[i] - largest);
        sum += results[1 + i];
      }
      for (int i = from; i < from + size; i++) {
        results[1 + i] *= share / sum;
      }
      results[1 + from] -= share;
      loss += largest + (float) Math.log(sum) - scores[from];
    }
    results[0] = loss * share;
  }

  @Override
  public float[] results() {
    return results.clone();
  }

  @Override
  public void close() {}
}
