package dev.gavel.bench;

import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same in LibTorch as trainers write it to save memory: the logits of all rows, widened, the
 * target's less the log-sum-exp. In 16 bits the product itself rounds the logits.
 */
final class TorchTokens extends TorchForward {
  private final Tensor hidden;
  private final Tensor weight;
  private final Tensor targets;

  TorchTokens(TokenCase given, int threads) {
    super(given.dtype().name().toLowerCase(Locale.ROOT), threads);
    hidden = TorchTensors.copy(given.hidden);
    weight = TorchTensors.copy(given.weight);
    targets = torch.tensor(given.targets).view(-1, 1);
  }

  @Override
  Tensor forward() {
    Tensor logits = torch.linear(hidden, weight).to(ScalarType.Float);
    return logits.gather(1, targets).view(-1).sub(logits.logsumexp(1));
  }
}
