package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.util.SplittableRandom;

/** A tensor of a test's folder: its numbers are exact in its type. */
final class TestTensor {
  private final DType dtype;
  private final long[] shape;
  private final double[] values;

  private TestTensor(DType dtype, long[] shape, double[] values) {
    this.dtype = dtype;
    this.shape = shape;
    this.values = values;
  }

  DType dtype() {
    return dtype;
  }

  /** Its lengths. */
  long[] shape() {
    return shape;
  }

  /** Its numbers, row by row. */
  double[] values() {
    return values;
  }

  /** Numbers drawn from N(0, deviation²), rounded to the type. */
  static TestTensor random(SplittableRandom random, double deviation, DType dtype, long... shape) {
    int count = 1;
    for (long length : shape) {
      count *= (int) length;
    }
    double[] values = new double[count];
    try (HostTensor rounded = HostTensor.allocate(dtype, Math.max(1, count))) {
      for (int i = 0; i < count; i++) {
        rounded.setFloat(i, (float) (deviation * random.nextGaussian()));
        values[i] = rounded.floatAt(i);
      }
    }
    return new TestTensor(dtype, shape, values);
  }

  static TestTensor of(DType dtype, long[] shape, double... values) {
    return new TestTensor(dtype, shape, values);
  }

  double at(int row, int column) {
    return values[row * (int) shape[1] + column];
  }

  int rows() {
    return (int) shape[0];
  }

  /** A copy in native memory; the caller closes it. */
  HostTensor host() {
    HostTensor host = HostTensor.allocate(dtype, shape.length == 0 ? new long[] {1} : shape);
    for (int i = 0; i < values.length; i++) {
      if (dtype.isFloat()) {
        host.setFloat(i, (float) values[i]);
      } else {
        host.setLong(i, (long) values[i]);
      }
    }
    return host;
  }
}
