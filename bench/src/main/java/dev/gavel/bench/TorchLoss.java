package dev.gavel.bench;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The same loss in LibTorch, its gradient by autograd. */
final class TorchLoss implements Side {
  private final PointerScope kept = new PointerScope();
  private final LossCase given;
  private final Tensor scores;
  private float[] results = {};

  TorchLoss(LossCase given, int threads) {
    torch.set_num_threads(threads);
    this.given = given;
    scores = torch.tensor(given.scores()).requires_grad_(true);
  }

  @Override
  public String name() {
    return "libtorch";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    PointerScope scope = new PointerScope();
    try {
      Tensor value = forwardAndBackward();
      if (results.length == 0) {
        float[] gradient = TorchTensors.floats(scores.grad());
        results = new float[1 + gradient.length];
        results[0] = value.item_float();
        System.arraycopy(gradient, 0, results, 1, gradient.length);
      }
    } finally {
      scope.close();
    }
  }

  private Tensor forwardAndBackward() {
    Tensor value;
    if (given.kind() == LossCase.Kind.BRADLEY_TERRY) {
      Tensor pairs = scores.view(-1, 2);
      Tensor gap = pairs.select(1, 0).sub(pairs.select(1, 1));
      value = torch.log_sigmoid(gap).neg().mean();
    } else {
      Tensor groups = scores.view(-1, LossCase.GROUP);
      value = torch.log_softmax(groups, 1).select(1, 0).neg().mean();
    }
    if (scores.grad().defined()) {
      scores.mutable_grad().zero_();
    }
    value.backward();
    return value;
  }

  @Override
  public float[] results() {
    return results;
  }

  @Override
  public void close() {
    kept.close();
  }
}
