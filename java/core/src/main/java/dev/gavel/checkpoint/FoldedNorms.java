package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The gate of QRM: Linear without a bias, ReLU, BatchNorm1d, three times, then Linear with a bias.
 *
 * <p>A batch norm that is not trained is one factor s and one summand t per channel, s = weight /
 * sqrt(running_var + epsilon), t = bias - running_mean s, and the linear layer behind it takes both
 * in: W (s u + t) + b = (W s) u + (W t + b). The products and sums are made in double and rounded
 * once to f32, so that the gate is an MLP with biases.
 */
final class FoldedNorms {
  // torch.nn.BatchNorm1d's own.
  private static final double EPSILON = 1e-5;

  private FoldedNorms() {}

  static String layer(int l) {
    return "gating.layers." + 3 * l + ".";
  }

  static String norm(int l) {
    return "gating.layers." + (3 * l + 2) + ".";
  }

  /** The parameters of the spec, by canonical name; the caller closes them. */
  static Map<String, HostTensor> read(TensorSource source, HeadSpec spec) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    try {
      int layers = spec.hiddenWidths().size();
      for (int l = 0; l <= layers; l++) {
        String to = l == layers ? "output." : "hidden." + l + ".";
        double[] bias = new double[l == layers ? spec.outputWidth() : spec.hiddenWidths().get(l)];
        if (l == layers) {
          bias = numbers(source, layer(l) + "bias");
        }
        double[] weight = numbers(source, layer(l) + "weight");
        if (l > 0) {
          fold(source, norm(l - 1), weight, bias);
        }
        parameters.put(to + "weight", tensor(weight, bias.length, weight.length / bias.length));
        parameters.put(to + "bias", tensor(bias, bias.length));
      }
      return parameters;
    } catch (RuntimeException e) {
      parameters.values().forEach(HostTensor::close);
      throw e;
    }
  }

  private static void fold(TensorSource source, String norm, double[] weight, double[] bias) {
    double[] scale = numbers(source, norm + "weight");
    double[] shift = numbers(source, norm + "bias");
    double[] mean = numbers(source, norm + "running_mean");
    double[] variance = numbers(source, norm + "running_var");
    int columns = scale.length;
    for (int c = 0; c < columns; c++) {
      scale[c] /= Math.sqrt(variance[c] + EPSILON);
      shift[c] -= mean[c] * scale[c];
    }
    for (int row = 0; row < bias.length; row++) {
      for (int c = 0; c < columns; c++) {
        bias[row] += weight[row * columns + c] * shift[c];
        weight[row * columns + c] *= scale[c];
      }
    }
  }

  private static double[] numbers(TensorSource source, String name) {
    try (HostTensor tensor = source.read(name)) {
      double[] all = new double[Math.toIntExact(tensor.elementCount())];
      for (int i = 0; i < all.length; i++) {
        all[i] = tensor.floatAt(i);
      }
      return all;
    }
  }

  private static HostTensor tensor(double[] values, long... shape) {
    HostTensor tensor = HostTensor.allocate(DType.F32, shape);
    for (int i = 0; i < values.length; i++) {
      tensor.setFloat(i, (float) values[i]);
    }
    return tensor;
  }
}
