package dev.gavel;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A seeded problem for one head: parameters, hidden states, spans that overlap and share rows, and
 * a gradient of the scores. Every number is one its type can hold, so that all implementations
 * start from the same ones.
 */
final class HeadSample implements AutoCloseable {
  final HeadSpec spec;
  final Pooling pooling;
  final Readout readout;
  final Map<String, HostTensor> parameters = new LinkedHashMap<>();
  final HostTensor hidden;
  final int[] first;
  final int[] last;
  final HostTensor scoreGradient;
  final PackedBatch batch;

  HeadSample(HeadSpec spec, Pooling pooling, Readout readout, int responses, long seed) {
    this(spec, pooling, readout, responses, 2 * responses + 3, seed);
  }

  HeadSample(HeadSpec spec, Pooling pooling, Readout readout, int responses, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    this.spec = spec;
    this.pooling = pooling;
    this.readout = readout;
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      HostTensor values = HeadParameters.allocate(parameter, spec.dtype());
      boolean matrix = parameter.shape().size() == 2;
      double scale = matrix ? 1 / Math.sqrt(parameter.shape().get(1)) : 0.3;
      double shift = parameter.name().equals("norm.weight") ? 1 : 0;
      for (long i = 0; i < values.elementCount(); i++) {
        values.setFloat(i, (float) (shift + scale * random.nextGaussian()));
      }
      parameters.put(parameter.name(), values);
    }
    boolean concat = pooling.vectorWidth(1) == 2;
    int width = concat ? spec.inputWidth() / 2 : spec.inputWidth();
    this.hidden = HostTensor.allocate(spec.dtype(), rows, width);
    for (long i = 0; i < hidden.elementCount(); i++) {
      hidden.setFloat(i, (float) random.nextGaussian());
    }
    this.first = new int[responses];
    this.last = new int[responses];
    for (int r = 0; r < responses; r++) {
      first[r] = random.nextInt(rows);
      last[r] = first[r] + random.nextInt(rows - first[r]);
    }
    this.scoreGradient = HostTensor.allocate(DType.F32, responses, spec.outputWidth());
    for (long i = 0; i < scoreGradient.elementCount(); i++) {
      scoreGradient.setFloat(i, (float) random.nextGaussian());
    }
    this.batch = PackedBatch.joint(hidden, Spans.of(first, last));
  }

  int responses() {
    return first.length;
  }

  RewardHead head(Context context) {
    return RewardHead.create(context, spec, parameters);
  }

  ReferenceHead reference() {
    Map<String, double[]> wide = new TreeMap<>();
    parameters.forEach((name, values) -> wide.put(name, flat(values)));
    return new ReferenceHead(spec, wide);
  }

  double[][] referenceVectors() {
    double[][] states = matrix(hidden);
    double[][] vectors = new double[responses()][];
    for (int r = 0; r < vectors.length; r++) {
      vectors[r] = ReferenceHead.pool(states, pooling, first[r], last[r]);
    }
    return vectors;
  }

  static double[] flat(HostTensor tensor) {
    double[] values = new double[(int) tensor.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.floatAt(i);
    }
    return values;
  }

  static double[][] matrix(HostTensor tensor) {
    int columns = (int) tensor.size(1);
    double[][] rows = new double[(int) tensor.size(0)][columns];
    for (int i = 0; i < tensor.elementCount(); i++) {
      rows[i / columns][i % columns] = tensor.floatAt(i);
    }
    return rows;
  }

  static double[] flat(double[][] rows) {
    double[] values = new double[rows.length * rows[0].length];
    for (int i = 0; i < values.length; i++) {
      values[i] = rows[i / rows[0].length][i % rows[0].length];
    }
    return values;
  }

  @Override
  public void close() {
    batch.close();
    hidden.close();
    scoreGradient.close();
    parameters.values().forEach(HostTensor::close);
  }
}
