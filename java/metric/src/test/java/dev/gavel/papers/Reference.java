package dev.gavel.papers;

import dev.gavel.Activation;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Pooling;
import dev.gavel.Spans;
import java.util.Map;

/** Pooling and heads without a norm, written out in double precision. */
final class Reference {
  private Reference() {}

  static double[] pool(Pooling pooling, HostTensor hidden, Spans spans, int response) {
    double[] first = row(hidden, spans.first(response));
    double[] last = row(hidden, spans.last(response));
    int width = last.length;
    return switch (pooling) {
      case Pooling.Index(), Pooling.All() -> last;
      case Pooling.FirstLast(Pooling.Combine combine) -> {
        boolean concat = combine == Pooling.Combine.CONCAT;
        double[] both = new double[concat ? 2 * width : width];
        for (int d = 0; d < width; d++) {
          switch (combine) {
            case CONCAT -> {
              both[d] = first[d];
              both[width + d] = last[d];
            }
            case ADD -> both[d] = first[d] + last[d];
            case SUB -> both[d] = last[d] - first[d];
          }
        }
        yield both;
      }
      case Pooling.SpanMean() -> {
        double[] mean = new double[width];
        int rows = spans.last(response) - spans.first(response) + 1;
        for (int t = spans.first(response); t <= spans.last(response); t++) {
          double[] row = row(hidden, t);
          for (int d = 0; d < width; d++) {
            mean[d] += row[d] / rows;
          }
        }
        yield mean;
      }
    };
  }

  static double[] logits(HeadSpec spec, Map<String, HostTensor> parameters, double[] vector) {
    double[] values = vector;
    for (int layer = 0; layer < spec.hiddenWidths().size(); layer++) {
      values =
          affine(
              parameters.get("hidden.%d.weight".formatted(layer)),
              parameters.get("hidden.%d.bias".formatted(layer)),
              values);
      for (int i = 0; i < values.length; i++) {
        values[i] = activate(spec.activation(), slope(parameters, layer, i), values[i]);
      }
    }
    double[] logits =
        affine(parameters.get("output.weight"), parameters.get("output.bias"), values);
    for (int k = 0; k < logits.length; k++) {
      logits[k] *= spec.outputScale();
    }
    return logits;
  }

  private static double slope(Map<String, HostTensor> parameters, int layer, int channel) {
    HostTensor slopes = parameters.get("hidden.%d.slope".formatted(layer));
    return slopes == null ? 0 : slopes.floatAt(slopes.elementCount() == 1 ? 0 : channel);
  }

  private static double[] affine(HostTensor weight, HostTensor bias, double[] values) {
    int outputs = (int) weight.size(0);
    double[] result = new double[outputs];
    for (int k = 0; k < outputs; k++) {
      result[k] = bias == null ? 0 : bias.floatAt(k);
      for (int d = 0; d < values.length; d++) {
        result[k] += weight.floatAt((long) k * values.length + d) * values[d];
      }
    }
    return result;
  }

  private static double activate(Activation activation, double slope, double x) {
    return switch (activation) {
      case IDENTITY -> x;
      case RELU -> Math.max(x, 0);
      case LEAKY_RELU, PRELU -> x > 0 ? x : slope * x;
      case TANH -> Math.tanh(x);
      case SILU -> x / (1 + Math.exp(-x));
      case GELU_TANH ->
          0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
      case SELU -> 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x));
      case GELU -> throw new IllegalArgumentException("no head of a paper here has the erf form");
    };
  }

  static double[] row(HostTensor hidden, int row) {
    int width = (int) hidden.size(1);
    double[] values = new double[width];
    for (int d = 0; d < width; d++) {
      values[d] = hidden.floatAt((long) row * width + d);
    }
    return values;
  }
}
