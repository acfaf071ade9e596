package dev.gavel.bench;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The same in LibTorch, eager, in inference mode, in the case's own storage. */
final class TorchHead implements Side {
  private final PointerScope kept = new PointerScope();
  private final InferenceMode mode = new InferenceMode(true);
  private final BenchShape shape;
  private final Tensor hidden;
  private final Tensor outputWeight;
  private final TensorOptional outputBias;
  private final Tensor hiddenWeight;
  private final TensorOptional hiddenBias;
  private float[] results = {};

  TorchHead(HeadTensors tensors, int threads) {
    torch.set_num_threads(threads);
    shape = tensors.shape;
    hidden =
        TorchTensors.copy(tensors.hidden).reshape(shape.responses(), shape.span(), shape.width());
    outputWeight = TorchTensors.copy(tensors.parameter("output.weight"));
    outputBias = new TensorOptional(TorchTensors.copy(tensors.parameter("output.bias")));
    boolean mlp = shape.hidden() > 0;
    hiddenWeight = mlp ? TorchTensors.copy(tensors.parameter("hidden.0.weight")) : outputWeight;
    hiddenBias =
        mlp
            ? new TensorOptional(TorchTensors.copy(tensors.parameter("hidden.0.bias")))
            : outputBias;
    results = scores();
  }

  @Override
  public String name() {
    return "libtorch";
  }

  @Override
  public String storage() {
    return shape.storage();
  }

  @Override
  public void run() {
    PointerScope scope = new PointerScope();
    try {
      forward();
    } finally {
      scope.close();
    }
  }

  @Override
  public float[] results() {
    return results;
  }

  @Override
  public void close() {
    mode.close();
    kept.close();
  }

  private float[] scores() {
    PointerScope scope = new PointerScope();
    try {
      return TorchTensors.floats(forward());
    } finally {
      scope.close();
    }
  }

  private Tensor forward() {
    Tensor vectors = shape.span() > 1 ? hidden.mean(1) : hidden.select(1, 0);
    Tensor last =
        shape.hidden() > 0 ? torch.silu(torch.linear(vectors, hiddenWeight, hiddenBias)) : vectors;
    return torch.linear(last, outputWeight, outputBias);
  }
}
