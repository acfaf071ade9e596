package dev.gavel.checkpoint;

import dev.gavel.Activation;
import java.util.function.DoubleUnaryOperator;

/**
 * What the published classes compute, in plain double precision, with the size of the terms of
 * every sum, by which rounding errors are measured.
 */
final class Reference implements Values {
  private final double[] value;
  private final double[] size;

  Reference(double[] value, double[] size) {
    this.value = value;
    this.size = size;
  }

  @Override
  public double[] value() {
    return value;
  }

  /** The sums of the sizes of the terms it was made of. */
  double[] size() {
    return size;
  }

  static Reference of(double[] vector) {
    double[] size = new double[vector.length];
    for (int i = 0; i < size.length; i++) {
      size[i] = Math.abs(vector[i]);
    }
    return new Reference(vector, size);
  }

  @Override
  public Reference linear(TestTensor weight, TestTensor... bias) {
    double[] y = new double[weight.rows()];
    double[] sizes = new double[y.length];
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < value.length; column++) {
        y[row] += weight.at(row, column) * value[column];
        sizes[row] += Math.abs(weight.at(row, column)) * size[column];
      }
      for (TestTensor b : bias) {
        y[row] += b.values()[row];
        sizes[row] += Math.abs(b.values()[row]);
      }
    }
    return new Reference(y, sizes);
  }

  @Override
  public Reference activate(Activation activation) {
    return map(
        switch (activation) {
          case IDENTITY -> x -> x;
          case RELU -> x -> Math.max(x, 0);
          case TANH -> Math::tanh;
          case SILU -> x -> x / (1 + Math.exp(-x));
          case GELU -> Reference::gelu;
          default -> throw new IllegalArgumentException("no published head has " + activation);
        });
  }

  @Override
  public Reference standardised(double mean, double deviation) {
    Reference y = map(x -> (x - mean) / deviation);
    for (int i = 0; i < y.size.length; i++) {
      y.size[i] = (size[i] + Math.abs(mean)) / deviation;
    }
    return y;
  }

  /** Every value through a function whose slope is at most 1.13 (GELU's). */
  private Reference map(DoubleUnaryOperator function) {
    double[] y = new double[value.length];
    double[] sizes = new double[y.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = function.applyAsDouble(value[i]);
      sizes[i] = 1.13 * size[i] + Math.abs(y[i]);
    }
    return new Reference(y, sizes);
  }

  /** Softmax, as torch does it: shifted by the largest, then divided by the sum. */
  @Override
  public Reference softmax() {
    double most = Double.NEGATIVE_INFINITY;
    for (double x : value) {
      most = Math.max(most, x);
    }
    double sum = 0;
    double all = 1;
    for (int i = 0; i < value.length; i++) {
      sum += Math.exp(value[i] - most);
      all += size[i];
    }
    double[] y = new double[value.length];
    double[] sizes = new double[value.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = Math.exp(value[i] - most) / sum;
      sizes[i] = all;
    }
    return new Reference(y, sizes);
  }

  @Override
  public Reference take(int... indices) {
    double[] y = new double[indices.length];
    double[] sizes = new double[indices.length];
    for (int i = 0; i < indices.length; i++) {
      y[i] = value[indices[i]];
      sizes[i] = size[indices[i]];
    }
    return new Reference(y, sizes);
  }

  /** x Φ(x), with Φ from the series and the continued fraction of the error function. */
  static double gelu(double x) {
    return x * 0.5 * (1 + erf(x / Math.sqrt(2)));
  }

  // Abramowitz and Stegun 7.1.6: converges for every x, and the tests' are small.
  private static double erf(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; n < 200; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
}
