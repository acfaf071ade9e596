package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Hidden states, a linear head of several outputs, what reads them out, and the score in float64.
 */
final class ReadoutCase implements AutoCloseable {
  /** As checkpoints have them: two classes, levels of a scale, 19 quantiles or objectives. */
  enum Kind {
    CLASS_PROB(2),
    EXPECTATION(5),
    VARIANCE(10),
    QUANTILE_MEAN(19),
    WEIGHTED_SUM(19),
    /** Objectives that a matrix mixes and a softmax gate weighs (ArmoRM). */
    GATED_SUM(19);

    final int outputs;

    Kind(int outputs) {
      this.outputs = outputs;
    }

    boolean isGated() {
      return this == GATED_SUM;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The class that is asked for. */
  static final int WANTED = 1;

  static final float TEMPERATURE = 1.5f;

  /** Rows whose scores are compared: float64 takes long. */
  private static final int COMPARED = 64;

  final Kind kind;

  /** R rows of width H, [R, H]. */
  final HostTensor hidden;

  /** [K, H]. */
  final HostTensor weight;

  /** [K, H]; only a gated sum reads it. */
  final HostTensor gate;

  /** Levels of an expectation or weights of a sum, [K]. */
  final float[] numbers;

  /** C, [K, K], row by row. */
  final float[] transform;

  ReadoutCase(Kind kind, DType dtype, int rows, int width) {
    this.kind = kind;
    SplittableRandom random = new SplittableRandom(1);
    // Logits with a deviation of 2.
    double deviation = 2 / Math.sqrt((double) width);
    hidden = HeadTensors.random(random, dtype, 1, rows, width);
    weight = HeadTensors.random(random, dtype, deviation, kind.outputs, width);
    gate = HeadTensors.random(random, dtype, deviation, kind.outputs, width);
    numbers = floats(random, kind.outputs);
    transform = floats(random, kind.outputs * kind.outputs);
  }

  private static float[] floats(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  int rows() {
    return (int) hidden.size(0);
  }

  private double[] logits(HostTensor matrix, int row) {
    int width = (int) hidden.size(1);
    double[] logits = new double[kind.outputs];
    for (int k = 0; k < logits.length; k++) {
      for (int i = 0; i < width; i++) {
        logits[k] +=
            (double) hidden.floatAt((long) row * width + i) * matrix.floatAt((long) k * width + i);
      }
    }
    return logits;
  }

  private static double[] softmax(double[] logits, double temperature) {
    double[] powers =
        IntStream.range(0, logits.length)
            .mapToDouble(k -> Math.exp(logits[k] / temperature))
            .toArray();
    double sum = IntStream.range(0, powers.length).mapToDouble(k -> powers[k]).sum();
    return IntStream.range(0, powers.length).mapToDouble(k -> powers[k] / sum).toArray();
  }

  private double sumOverNumbers(double[] factors) {
    return IntStream.range(0, factors.length).mapToDouble(k -> factors[k] * numbers[k]).sum();
  }

  double reference(int row) {
    double[] z = logits(weight, row);
    return switch (kind) {
      case CLASS_PROB -> softmax(z, 1)[WANTED];
      case EXPECTATION -> sumOverNumbers(softmax(z, 1));
      case VARIANCE -> {
        double[] p = softmax(z, 1);
        double mean = sumOverNumbers(p);
        yield IntStream.range(0, p.length)
            .mapToDouble(k -> p[k] * (numbers[k] - mean) * (numbers[k] - mean))
            .sum();
      }
      case QUANTILE_MEAN ->
          IntStream.range(0, z.length).mapToDouble(k -> z[k]).average().orElseThrow();
      case WEIGHTED_SUM -> sumOverNumbers(z);
      case GATED_SUM -> {
        double[] p = softmax(logits(gate, row), TEMPERATURE);
        double score = 0;
        for (int j = 0; j < z.length; j++) {
          for (int k = 0; k < z.length; k++) {
            score += p[k] * z[j] * transform[j * z.length + k];
          }
        }
        yield score;
      }
    };
  }

  /** {@link LargestError#of} */
  double check(Side side, double most) {
    int compared = Math.min(COMPARED, rows());
    return new LargestError(kind + " of " + hidden, compared, this::reference).of(side, most);
  }

  @Override
  public void close() {
    hidden.close();
    weight.close();
    gate.close();
  }
}
