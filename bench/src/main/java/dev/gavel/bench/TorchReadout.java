package dev.gavel.bench;

import java.util.Locale;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same in LibTorch, as the checkpoints' own code writes it: logits, widened, and a line or two
 * of tensor operations. In 16 bits the product itself rounds the logits.
 */
final class TorchReadout extends TorchForward {
  private final ReadoutCase given;
  private final Tensor hidden;
  private final Tensor weight;
  private final Tensor gate;
  private final Tensor numbers;
  private final Tensor transform;
  private final Scalar temperature = new Scalar(ReadoutCase.TEMPERATURE);

  TorchReadout(ReadoutCase given, int threads) {
    super(given.hidden.dtype().name().toLowerCase(Locale.ROOT), threads);
    this.given = given;
    int outputs = given.kind.outputs;
    hidden = TorchTensors.copy(given.hidden);
    weight = TorchTensors.copy(given.weight);
    gate = TorchTensors.copy(given.gate);
    numbers = torch.tensor(given.numbers);
    transform = torch.tensor(given.transform).view(outputs, outputs);
  }

  @Override
  Tensor forward() {
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
}
