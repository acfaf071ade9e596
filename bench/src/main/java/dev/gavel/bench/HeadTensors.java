package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Random parameters and hidden states of a case, which all sides share, and its float64 result. */
final class HeadTensors implements AutoCloseable {
  final BenchShape shape;
  final HeadSpec spec;
  final Map<String, HostTensor> parameters = new LinkedHashMap<>();
  final HostTensor hidden;
  private final HostTensor one;
  // Every side is compared with the same.
  private final Map<Which, Reference> references = new HashMap<>();

  HeadTensors(BenchShape shape) {
    this.shape = shape;
    this.spec = shape.spec();
    if (shape.span() > 1 && shape.hidden() > 0) {
      throw new IllegalArgumentException(
          shape + ": how far a rounded mean moves a hidden layer is not worked out here");
    }
    one = HostTensor.allocate(shape.dtype(), 1);
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

  /**
   * A score in float64.
   *
   * @param score from the stored values
   * @param leeway how far a right score may be from it because the mean of rows, in f32, rounded to
   *     the other neighbour than the mean in float64
   */
  record Reference(double score, double leeway) {}

  /**
   * Score of a response in float64.
   *
   * @param rounded whether the pooled vector is rounded to the storage type, as docs/adr/0003
   *     defines it for our side; for peers in f32 it is not
   */
  Reference reference(int response, boolean rounded) {
    return references.computeIfAbsent(
        new Which(response, rounded && shape.span() > 1),
        which -> work(which.response(), which.rounded()));
  }

  private record Which(int response, boolean rounded) {}

  private Reference work(int response, boolean rounded) {
    double[] vector = new double[shape.width()];
    double[] doubt = new double[shape.width()];
    for (int k = 0; k < vector.length; k++) {
      double sum = 0;
      double magnitude = 0;
      for (int row = 0; row < shape.span(); row++) {
        double value = hidden.floatAt(((long) response * shape.span() + row) * shape.width() + k);
        sum += value;
        magnitude += Math.abs(value);
      }
      vector[k] = sum / shape.span();
      if (rounded) {
        // An f32 sum of n terms in any order, and a division: n roundings of 2^-24 of the
        // magnitude.
        double error = magnitude * 0x1p-24;
        doubt[k] = inStorage(vector[k] + error) - inStorage(vector[k] - error);
        vector[k] = inStorage(vector[k]);
      }
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
    double leeway = 0;
    for (int j = 0; j < last.length; j++) {
      score += last[j] * weight.floatAt(j);
      if (shape.hidden() == 0) {
        leeway += doubt[j] * Math.abs(weight.floatAt(j));
      }
    }
    return new Reference(score, leeway);
  }

  private double inStorage(double value) {
    one.setFloat(0, (float) value);
    return one.floatAt(0);
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
      boolean ours = side.name().equals("gavel");
      Reference reference = reference(response, ours);
      double expected = reference.score();
      double error = Math.abs(scores[response] - expected) / (1 + Math.abs(expected));
      largest = Math.max(largest, error);
      // 16-bit peers round the hidden layer and the score: half a unit is 2^-9 of the score, and
      // the roundings of the layer add up to about as much. The rest is sums in f32.
      double allowed = ours || side.storage().equals("f32") ? 1e-4 : 2e-2;
      if (!(error <= allowed + reference.leeway())) {
        throw new IllegalStateException(
            "%s on %s: score %d is %s, float64 says %s"
                .formatted(side.name(), shape, response, scores[response], expected));
      }
    }
    return largest;
  }

  @Override
  public void close() {
    one.close();
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
