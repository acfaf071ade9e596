package dev.gavel.bench;

import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same in LibTorch as trainers write it to save memory: the logits of all rows, widened, the
 * target's less the log-sum-exp. In 16 bits the product itself rounds the logits.
 */
final class TorchTokens implements Side {
  private final PointerScope kept = new PointerScope();
  private final InferenceMode mode = new InferenceMode(true);
  private final String storage;
  private final Tensor hidden;
  private final Tensor weight;
  private final Tensor targets;
  private final float[] results;

  TorchTokens(TokenCase given, int threads) {
    torch.set_num_threads(threads);
    storage = given.dtype().name().toLowerCase(Locale.ROOT);
    hidden = TorchTensors.copy(given.hidden);
    weight = TorchTensors.copy(given.weight);
    targets = torch.tensor(given.targets).view(-1, 1);
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
    return storage;
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
    return logits.gather(1, targets).view(-1).sub(logits.logsumexp(1));
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
