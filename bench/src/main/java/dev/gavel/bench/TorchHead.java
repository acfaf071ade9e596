package dev.gavel.bench;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The same in LibTorch, eager, in inference mode, in the case's own storage. */
final class TorchHead extends TorchForward {
  private final BenchShape shape;
  private final Tensor hidden;
  private final Tensor outputWeight;
  private final TensorOptional outputBias;
  private final Tensor hiddenWeight;
  private final TensorOptional hiddenBias;

  TorchHead(HeadTensors tensors, int threads) {
    super(tensors.shape.storage(), threads);
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
  }

  @Override
  Tensor forward() {
    Tensor vectors = shape.span() > 1 ? hidden.mean(1) : hidden.select(1, 0);
    Tensor last =
        shape.hidden() > 0 ? torch.silu(torch.linear(vectors, hiddenWeight, hiddenBias)) : vectors;
    return torch.linear(last, outputWeight, outputBias);
  }
}
