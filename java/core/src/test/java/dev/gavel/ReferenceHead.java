package dev.gavel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A reward head in plain Java and double precision, forward and backward, written from the formulas
 * of the C header. Nothing is rounded on the way: what it gives is what kernels of any precision
 * should come close to.
 */
final class ReferenceHead {
  private final HeadSpec spec;
  private final Map<String, double[]> parameters;

  ReferenceHead(HeadSpec spec, Map<String, double[]> parameters) {
    this.spec = spec;
    this.parameters = parameters;
  }

  /** Everything of a forward pass that the backward pass needs. */
  static final class Forward {
    final double[][] vectors;
    final List<double[][]> inputs = new ArrayList<>();
    final List<double[][]> preactivations = new ArrayList<>();
    final double[][] scores;

    Forward(double[][] vectors, int outputs) {
      this.vectors = vectors;
      this.scores = new double[vectors.length][outputs];
    }
  }

  /**
   * Gradients by parameter name, the sums of the sizes of the terms of each (what rounding errors
   * of a sum are measured by), and the gradients of the pooled vectors.
   */
  static final class Backward {
    final Map<String, double[]> parameters;
    final Map<String, double[]> sizes;
    final double[][] vectors;

    private Backward(Sums sums, double[][] vectors) {
      this.parameters = sums.values;
      this.sizes = sums.sizes;
      this.vectors = vectors;
    }
  }

  /** Sums of terms, and of their sizes. */
  private static final class Sums {
    final Map<String, double[]> values = new TreeMap<>();
    final Map<String, double[]> sizes = new TreeMap<>();

    Sums(Map<String, double[]> parameters) {
      parameters.forEach((name, parameter) -> {
        values.put(name, new double[parameter.length]);
        sizes.put(name, new double[parameter.length]);
      });
    }

    boolean has(String name) {
      return values.containsKey(name);
    }

    int length(String name) {
      return values.get(name).length;
    }

    void add(String name, int index, double term) {
      values.get(name)[index] += term;
      sizes.get(name)[index] += Math.abs(term);
    }
  }

  /** Rows a response needs, or none. */
  static boolean isValid(Pooling pooling, long first, long last) {
    return last >= 0 && (pooling instanceof Pooling.Index || first >= 0);
  }

  static double[] pool(double[][] hidden, Pooling pooling, int first, int last) {
    int width = hidden[0].length;
    return switch (pooling) {
      case Pooling.Index index -> hidden[last].clone();
      case Pooling.All all -> throw new AssertionError("ALL has no responses");
      case Pooling.SpanMean mean -> {
        double[] vector = new double[width];
        for (int t = first; t <= last; t++) {
          for (int d = 0; d < width; d++) {
            vector[d] += hidden[t][d] / (last - first + 1);
          }
        }
        yield vector;
      }
      case Pooling.FirstLast(Pooling.Combine combine) -> {
        boolean concat = combine == Pooling.Combine.CONCAT;
        double[] vector = new double[concat ? 2 * width : width];
        for (int d = 0; d < width; d++) {
          if (concat) {
            vector[d] = hidden[first][d];
            vector[width + d] = hidden[last][d];
          } else {
            vector[d] =
                combine == Pooling.Combine.ADD
                    ? hidden[first][d] + hidden[last][d]
                    : hidden[last][d] - hidden[first][d];
          }
        }
        yield vector;
      }
    };
  }

  /** Adds the transpose of the pooling, applied to the gradient of one vector. */
  static void scatter(double[] vector, Pooling pooling, int first, int last, double[][] hidden) {
    int width = hidden[0].length;
    for (int d = 0; d < width; d++) {
      switch (pooling) {
        case Pooling.Index index -> hidden[last][d] += vector[d];
        case Pooling.All all -> throw new AssertionError("ALL has no responses");
        case Pooling.SpanMean mean -> {
          for (int t = first; t <= last; t++) {
            hidden[t][d] += vector[d] / (last - first + 1);
          }
        }
        case Pooling.FirstLast(Pooling.Combine combine) -> {
          boolean concat = combine == Pooling.Combine.CONCAT;
          double sign = combine == Pooling.Combine.SUB ? -1 : 1;
          hidden[first][d] += sign * vector[d];
          hidden[last][d] += concat ? vector[width + d] : vector[d];
        }
      }
    }
  }

  /** From pooled vectors to scores. */
  Forward forward(double[][] vectors, Readout readout) {
    Forward forward = new Forward(vectors, spec.outputWidth());
    double[][] x = norm(vectors);
    for (int l = 0; l < spec.hiddenWidths().size(); l++) {
      forward.inputs.add(x);
      double[][] a = linear(x, "hidden." + l, spec.hiddenWidths().get(l));
      forward.preactivations.add(a);
      double[][] u = new double[a.length][];
      for (int r = 0; r < a.length; r++) {
        u[r] = new double[a[r].length];
        for (int c = 0; c < a[r].length; c++) {
          u[r][c] = ReferenceMath.activate(spec.activation(), slope(l, c), a[r][c]);
        }
      }
      x = u;
    }
    forward.inputs.add(x);
    double[][] logits = linear(x, "output", spec.outputWidth());
    for (int r = 0; r < logits.length; r++) {
      for (int k = 0; k < logits[r].length; k++) {
        forward.scores[r][k] = read(readout, logits[r][k] * spec.outputScale());
      }
    }
    return forward;
  }

  static double read(Readout readout, double logit) {
    return switch (readout) {
      case Readout.Identity identity -> logit;
      case Readout.Affine(float mean, float deviation) -> (logit - mean) / deviation;
      case Readout.Sigmoid sigmoid -> ReferenceMath.sigmoid(logit);
    };
  }

  Backward backward(Forward forward, Readout readout, double[][] scoreGradient) {
    Sums gradients = new Sums(parameters);
    int responses = scoreGradient.length;
    double[][] d = new double[responses][spec.outputWidth()];
    for (int r = 0; r < responses; r++) {
      for (int k = 0; k < d[r].length; k++) {
        double score = forward.scores[r][k];
        double slope =
            switch (readout) {
              case Readout.Identity identity -> 1;
              case Readout.Affine affine -> 1.0 / affine.deviation();
              case Readout.Sigmoid sigmoid -> score * (1 - score);
            };
        d[r][k] = scoreGradient[r][k] * slope * spec.outputScale();
      }
    }
    int layers = spec.hiddenWidths().size();
    d = linearGradient(forward.inputs.get(layers), d, "output", gradients);
    for (int l = layers - 1; l >= 0; l--) {
      double[][] a = forward.preactivations.get(l);
      for (int r = 0; r < responses; r++) {
        for (int c = 0; c < a[r].length; c++) {
          if (spec.activation() == Activation.PRELU) {
            String name = "hidden." + l + ".slope";
            gradients.add(
                name, gradients.length(name) == 1 ? 0 : c, Math.min(a[r][c], 0) * d[r][c]);
          }
          d[r][c] *= ReferenceMath.activateGradient(spec.activation(), slope(l, c), a[r][c]);
        }
      }
      d = linearGradient(forward.inputs.get(l), d, "hidden." + l, gradients);
    }
    double[][] vectors = normGradient(forward.vectors, d, gradients);
    return new Backward(gradients, vectors);
  }

  private double slope(int layer, int channel) {
    if (spec.activation() == Activation.PRELU) {
      double[] slopes = parameter("hidden." + layer + ".slope");
      return slopes[slopes.length == 1 ? 0 : channel];
    }
    return spec.negativeSlope();
  }

  private double[][] linear(double[][] x, String layer, int out) {
    double[] weight = parameter(layer + ".weight");
    double[] bias = parameters.getOrDefault(layer + ".bias", new double[out]);
    double[][] y = new double[x.length][out];
    for (int r = 0; r < x.length; r++) {
      for (int o = 0; o < out; o++) {
        double sum = bias[o];
        for (int i = 0; i < x[r].length; i++) {
          sum += weight[o * x[r].length + i] * x[r][i];
        }
        y[r][o] = sum;
      }
    }
    return y;
  }

  private double[][] linearGradient(double[][] x, double[][] d, String layer, Sums gradients) {
    double[] weight = parameter(layer + ".weight");
    double[][] dx = new double[x.length][];
    for (int r = 0; r < x.length; r++) {
      int in = x[r].length;
      dx[r] = new double[in];
      for (int o = 0; o < d[r].length; o++) {
        for (int i = 0; i < in; i++) {
          gradients.add(layer + ".weight", o * in + i, d[r][o] * x[r][i]);
          dx[r][i] += d[r][o] * weight[o * in + i];
        }
        if (gradients.has(layer + ".bias")) {
          gradients.add(layer + ".bias", o, d[r][o]);
        }
      }
    }
    return dx;
  }

  private double[][] norm(double[][] vectors) {
    if (spec.norm() == Norm.NONE) {
      return vectors;
    }
    double[] weight = parameter("norm.weight");
    double[] bias = parameters.getOrDefault("norm.bias", new double[weight.length]);
    double[][] normed = new double[vectors.length][];
    for (int r = 0; r < vectors.length; r++) {
      double[] centred = centred(vectors[r]);
      double scale = inverseDeviation(centred);
      normed[r] = new double[centred.length];
      for (int i = 0; i < centred.length; i++) {
        normed[r][i] = centred[i] * scale * weight[i] + bias[i];
      }
    }
    return normed;
  }

  private double[][] normGradient(double[][] vectors, double[][] d, Sums gradients) {
    if (spec.norm() == Norm.NONE) {
      return d;
    }
    double[] weight = parameter("norm.weight");
    int n = weight.length;
    double[][] dx = new double[vectors.length][n];
    for (int r = 0; r < vectors.length; r++) {
      double[] centred = centred(vectors[r]);
      double scale = inverseDeviation(centred);
      double along = 0;
      double mean = 0;
      for (int i = 0; i < n; i++) {
        gradients.add("norm.weight", i, d[r][i] * centred[i] * scale);
        if (gradients.has("norm.bias")) {
          gradients.add("norm.bias", i, d[r][i]);
        }
        along += d[r][i] * weight[i] * centred[i] * scale / n;
        mean += d[r][i] * weight[i] / n;
      }
      for (int i = 0; i < n; i++) {
        double shift = spec.norm() == Norm.LAYER ? mean : 0;
        dx[r][i] = scale * (d[r][i] * weight[i] - shift - centred[i] * scale * along);
      }
    }
    return dx;
  }

  private double[] centred(double[] x) {
    double mean = 0;
    if (spec.norm() == Norm.LAYER) {
      for (double value : x) {
        mean += value / x.length;
      }
    }
    double[] centred = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      centred[i] = x[i] - mean;
    }
    return centred;
  }

  private double inverseDeviation(double[] centred) {
    double squares = 0;
    for (double value : centred) {
      squares += value * value / centred.length;
    }
    return 1 / Math.sqrt(squares + spec.normEpsilon());
  }

  private double[] parameter(String name) {
    return parameters.get(name);
  }
}
