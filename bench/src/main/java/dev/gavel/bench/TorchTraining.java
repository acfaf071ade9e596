package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same step in LibTorch: eager forward, autograd, torch::optim::AdamW. As ours, it keeps f32
 * masters and moments; with 16-bit storage the forward pass casts the masters, and autograd's
 * gradients arrive in f32.
 */
final class TorchTraining implements Side {
  private final PointerScope kept = new PointerScope();
  private final BenchShape shape;
  private final Tensor rows;
  private final ScalarType type;
  private final List<Tensor> masters = new ArrayList<>();
  private final AdamW optimizer;
  private float firstLoss = Float.NaN;

  TorchTraining(HeadTensors tensors, int threads) {
    torch.set_num_threads(threads);
    shape = tensors.shape;
    rows = TorchTensors.copy(tensors.hidden);
    type = TorchTensors.type(tensors.hidden);
    TensorVector all = new TensorVector();
    for (HostTensor parameter : tensors.parameters.values()) {
      Tensor master = TorchTensors.copy(parameter).to(ScalarType.Float).clone();
      master.requires_grad_(true);
      masters.add(master);
      all.push_back(master);
    }
    AdamWOptions options = new AdamWOptions(1e-3);
    options.weight_decay().put(0.01);
    optimizer = new AdamW(all, options);
    if (shape.kind().equals("adamw")) {
      for (Tensor master : masters) {
        master.mutable_grad().put(torch.zeros_like(master));
      }
    }
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
      if (shape.kind().equals("training")) {
        optimizer.zero_grad(true);
        Tensor scores = forward().view(-1, 2);
        Tensor gap = scores.select(1, 0).sub(scores.select(1, 1));
        Tensor loss = torch.log_sigmoid(gap).neg().mean();
        loss.backward();
        // Our step returns the loss, too.
        float value = loss.item_float();
        if (Float.isNaN(firstLoss)) {
          firstLoss = value;
        }
      }
      optimizer.step();
    } finally {
      scope.close();
    }
  }

  private Tensor forward() {
    // hidden.0.weight, hidden.0.bias, output.weight, output.bias: the order of the spec.
    Tensor u = torch.linear(rows, cast(0), new TensorOptional(cast(1)));
    Tensor scores = torch.linear(torch.silu(u), cast(2), new TensorOptional(cast(3)));
    return scores.to(ScalarType.Float);
  }

  private Tensor cast(int index) {
    Tensor master = masters.get(index);
    return shape.dtype() == DType.F32 ? master : master.to(type);
  }

  @Override
  public float[] results() {
    return new float[] {firstLoss};
  }

  @Override
  public void close() {
    kept.close();
  }
}
