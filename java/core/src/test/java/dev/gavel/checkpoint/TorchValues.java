package dev.gavel.checkpoint;

import dev.gavel.Activation;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.DoubleArrayRef;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The operations as LibTorch has them, in a type of its. */
final class TorchValues implements Values {
  private final Tensor tensor;
  private final ScalarType type;

  private TorchValues(Tensor tensor, ScalarType type) {
    this.tensor = tensor;
    this.type = type;
  }

  static TorchValues of(double[] vector, ScalarType type) {
    return new TorchValues(copy(vector).to(type), type);
  }

  private static Tensor copy(double[] values) {
    return torch.tensor(new DoubleArrayRef(new DoublePointer(values), values.length));
  }

  @Override
  public Values linear(TestTensor weight, TestTensor... bias) {
    Tensor w = tensor(weight);
    return with(
        bias.length == 0
            ? torch.linear(tensor, w)
            : torch.linear(tensor, w, new TensorOptional(tensor(bias[0]))));
  }

  private Tensor tensor(TestTensor from) {
    return copy(from.values()).reshape(from.shape()).to(type);
  }

  @Override
  public Values activate(Activation activation) {
    return with(
        switch (activation) {
          case IDENTITY -> tensor;
          case RELU -> torch.relu(tensor);
          case TANH -> torch.tanh(tensor);
          case SILU -> torch.silu(tensor);
          case GELU -> torch.gelu(tensor);
          default -> throw new IllegalArgumentException("no published head has " + activation);
        });
  }

  @Override
  public Values standardised(double mean, double deviation) {
    return with(tensor.sub(new Scalar(mean)).div(new Scalar(deviation)));
  }

  @Override
  public Values softmax() {
    return with(torch.softmax(tensor, 0));
  }

  @Override
  public Values take(int... indices) {
    long[] wide = new long[indices.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = indices[i];
    }
    return with(tensor.index_select(0, torch.tensor(wide)));
  }

  @Override
  public double[] value() {
    Tensor wide = tensor.to(ScalarType.Double).contiguous();
    double[] values = new double[(int) wide.numel()];
    new DoublePointer(wide.data_ptr()).get(values);
    return values;
  }

  private Values with(Tensor result) {
    return new TorchValues(result, type);
  }
}
