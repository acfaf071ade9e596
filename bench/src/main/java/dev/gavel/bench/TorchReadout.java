package dev.gavel.bench;

import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same in LibTorch, as the checkpoints' own code writes it: logits, widened, and a line or two
 * of tensor operations. In 16 bits the product itself rounds the logits.
 */
final class TorchReadout implements Side {
  private final PointerScope kept = new PointerScope();
  private final InferenceMode mode = new InferenceMode(true);
  private final ReadoutCase given;
  private final Tensor hidden;
  private final Tensor weight;
  private final Tensor gate;
  private final Tensor numbers;
  private final Tensor transform;
  private final Scalar temperature = new Scalar(ReadoutCase.TEMPERATURE);
  private final float[] results;

  TorchReadout(ReadoutCase given, int threads) {
    torch.set_num_threads(threads);
    this.given = given;
    int outputs = given.kind.outputs;
    hidden = TorchTensors.copy(given.hidden);
    weight = TorchTensors.copy(given.weight);
    gate = TorchTensors.copy(given.gate);
    numbers = torch.tensor(given.numbers);
    transform = torch.tensor(given.transform).view(outputs, outputs);
    PointerScope scope = new PointerScope();
    try {
      results = TorchTensors.floats(forward());
    } finally {
      scope.close();
    }
  }

  @Override
  public String name() {
    return "libtorch";
  }

  @Override
  public String storage() {
    return given.hidden.dtype().name().toLowerCase(Locale.ROOT);
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

  private Tensor forward() {
    Tensor logits = torch.linear(hidden, weight).to(ScalarType.Float);
    return switch (given.kind) {
      case CLASS_PROB -> logits.softmax(-1).select(1, ReadoutCase.WANTED).contiguous();
      case EXPECTATION -> logits.softmax(-1).matmul(numbers);
      case VARIANCE -> {
        Tensor probabilities = logits.softmax(-1);
        Tensor deviations = numbers.sub(probabilities.matmul(numbers).unsqueeze(1));
        yield probabilities.mul(deviations.square()).sum(-1);
      }
      case QUANTILE_MEAN -> logits.mean(-1);
      case WEIGHTED_SUM -> logits.matmul(numbers);
      case GATED_SUM -> {
        Tensor weights =
            torch.linear(hidden, gate).to(ScalarType.Float).div(temperature).softmax(-1);
        yield weights.mul(logits.matmul(transform)).sum(-1);
      }
    };
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
}
