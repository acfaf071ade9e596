package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Random parameters and hidden states of a case, which all sides share, and its float64 result. */
final class HeadTensors implements AutoCloseable {
  final BenchShape shape;
  final HeadSpec spec;
  final Map<String, HostTensor> parameters = new LinkedHashMap<>();
  final HostTensor hidden;

  HeadTensors(BenchShape shape) {
    this.shape = shape;
    this.spec = shape.spec();
    SplittableRandom random = new SplittableRandom(1);
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      long[] sizes = parameter.shape().stream().mapToLong(Long::longValue).toArray();
      // Uniform, with the deviation that keeps scores near 1.
      double deviation = sizes.length == 2 ? 1 / Math.sqrt((double) sizes[1]) : 0.1;
      parameters.put(parameter.name(), random(random, shape.dtype(), deviation, sizes));
    }
    hidden =
        random(random, shape.dtype(), 1, (long) shape.responses() * shape.span(), shape.width());
  }

  HostTensor parameter(String name) {
    HostTensor values = parameters.get(name);
    if (values == null) {
      throw new IllegalStateException("%s has no parameter %s".formatted(shape, name));
    }
    return values;
  }

  /** Score of a response in float64, from the stored values. */
  double reference(int response) {
    double[] vector = new double[shape.width()];
    for (int k = 0; k < vector.length; k++) {
      double sum = 0;
      for (int row = 0; row < shape.span(); row++) {
        sum += hidden.floatAt(((long) response * shape.span() + row) * shape.width() + k);
      }
      vector[k] = sum / shape.span();
    }
    double[] last = vector;
    if (shape.hidden() > 0) {
      HostTensor weight = parameter("hidden.0.weight");
      HostTensor bias = parameter("hidden.0.bias");
      last = new double[shape.hidden()];
      for (int j = 0; j < last.length; j++) {
        double sum = bias.floatAt(j);
        for (int k = 0; k < vector.length; k++) {
          sum += vector[k] * weight.floatAt((long) j * vector.length + k);
        }
        last[j] = sum / (1 + Math.exp(-sum));
      }
    }
    HostTensor weight = parameter("output.weight");
    double score = parameter("output.bias").floatAt(0);
    for (int j = 0; j < last.length; j++) {
      score += last[j] * weight.floatAt(j);
    }
    return score;
  }

  /**
   * The largest error of a side on the first, a middle and the last response.
   *
   * @throws IllegalStateException if it is more than the side's type explains: then it does other
   *     work, and its time means nothing
   */
  double check(Side side) {
    side.run();
    float[] scores = side.results();
    int count = shape.responses();
    double largest = 0;
    for (int response : new int[] {0, count / 2, count - 1}) {
      double expected = reference(response);
      double error = Math.abs(scores[response] - expected) / (1 + Math.abs(expected));
      largest = Math.max(largest, error);
      // 16-bit peers round the hidden layer and the score: half a unit is 2^-9 of the score, and
      // the roundings of the layer add up to about as much. The rest is sums in f32.
      double allowed = side.storage().equals("f32") || side.name().equals("gavel") ? 1e-4 : 2e-2;
      if (!(error <= allowed)) {
        throw new IllegalStateException(
            "%s on %s: score %d is %s, float64 says %s"
                .formatted(side.name(), shape, response, scores[response], expected));
      }
    }
    return largest;
  }

  @Override
  public void close() {
    hidden.close();
    parameters.values().forEach(HostTensor::close);
  }

  static HostTensor random(SplittableRandom random, DType dtype, double deviation, long... sizes) {
    HostTensor values = HostTensor.allocate(dtype, sizes);
    float scale = (float) (deviation * Math.sqrt(12));
    for (long i = 0; i < values.elementCount(); i++) {
      values.setFloat(i, scale * (random.nextFloat() - 0.5f));
    }
    return values;
  }
}
