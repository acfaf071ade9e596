package dev.gavel.bench;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * The products alone in OpenBLAS, f32: sgemm for the hidden layer, sgemv for the output. It has no
 * activation, so bias and SiLU of the hidden layer are left out of what is timed, which favours it.
 */
final class OpenBlasHead implements Side {
  private static final int ROWS = openblas_nolapack.CblasRowMajor;
  private static final int PLAIN = openblas_nolapack.CblasNoTrans;

  private final BenchShape shape;
  private final HeadTensors tensors;
  private final FloatPointer rows;
  private final FloatPointer hiddenWeight;
  private final FloatPointer outputWeight;
  private final FloatPointer between;
  private final FloatPointer scores;

  OpenBlasHead(HeadTensors tensors, int threads) {
    org.bytedeco.openblas.presets.openblas_nolapack.blas_set_num_threads(threads);
    this.tensors = tensors;
    shape = tensors.shape;
    rows = new FloatPointer(tensors.hidden.toFloats());
    outputWeight = new FloatPointer(tensors.parameter("output.weight").toFloats());
    boolean mlp = shape.hidden() > 0;
    hiddenWeight =
        mlp ? new FloatPointer(tensors.parameter("hidden.0.weight").toFloats()) : outputWeight;
    between = mlp ? new FloatPointer((long) shape.responses() * shape.hidden()) : rows;
    scores = new FloatPointer(shape.responses());
  }

  @Override
  public String name() {
    return "openblas";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    int count = shape.responses();
    int width = shape.width();
    int depth = width;
    if (shape.hidden() > 0) {
      depth = shape.hidden();
      openblas_nolapack.cblas_sgemm(
          ROWS,
          PLAIN,
          openblas_nolapack.CblasTrans,
          count,
          depth,
          width,
          1,
          rows,
          width,
          hiddenWeight,
          width,
          0,
          between,
          depth);
    }
    openblas_nolapack.cblas_sgemv(
        ROWS, PLAIN, count, depth, 1, between, depth, outputWeight, 1, 0, scores, 1);
  }

  /** What it left out is added here, so that the products themselves are checked. */
  @Override
  public float[] results() {
    float[] values = new float[shape.responses()];
    scores.get(values);
    float outputBias = tensors.parameter("output.bias").floatAt(0);
    for (int r = 0; r < values.length; r++) {
      values[r] = shape.hidden() == 0 ? values[r] + outputBias : finished(r, outputBias);
    }
    return values;
  }

  @Override
  public void close() {
    rows.close();
    outputWeight.close();
    if (shape.hidden() > 0) {
      hiddenWeight.close();
      between.close();
    }
    scores.close();
  }

  private float finished(int response, double outputBias) {
    double score = outputBias;
    for (int j = 0; j < shape.hidden(); j++) {
      double u =
          (double) between.get((long) response * shape.hidden() + j)
              + tensors.parameter("hidden.0.bias").floatAt(j);
      score += outputWeight.get(j) * u / (1 + Math.exp(-u));
    }
    return (float) score;
  }
}
