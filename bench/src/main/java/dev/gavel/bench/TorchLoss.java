package dev.gavel.bench;

import java.util.Arrays;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The same loss in LibTorch, its gradient by autograd. */
final class TorchLoss implements Side {
  private final PointerScope kept = new PointerScope();
  private final LossCase given;
  private final Tensor scores;
  private final Tensor order;
  private final Tensor better;
  private final Tensor worse;
  private float[] results = {};

  TorchLoss(LossCase given, int threads) {
    torch.set_num_threads(threads);
    this.given = given;
    scores = torch.tensor(given.scores()).requires_grad_(true);
    // Of each group, its entries from the best to the worst; then the ranks of all pairs.
    int group = LossCase.GROUP;
    long[] entries = new long[given.scores().length];
    Arrays.setAll(entries, i -> LossCase.entry(i / group, i % group));
    order = torch.tensor(entries).view(-1, group);
    long[][] pairs = new long[2][group * (group - 1) / 2];
    int next = 0;
    for (int one = 0; one < group; one++) {
      for (int other = one + 1; other < group; other++) {
        pairs[0][next] = one;
        pairs[1][next++] = other;
      }
    }
    better = torch.tensor(pairs[0]);
    worse = torch.tensor(pairs[1]);
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
    Tensor value = forward();
    if (scores.grad().defined()) {
      scores.mutable_grad().zero_();
    }
    value.backward();
    return value;
  }

  private Tensor forward() {
    if (given.kind() == LossCase.Kind.BRADLEY_TERRY) {
      Tensor pairs = scores.view(-1, 2);
      Tensor gap = pairs.select(1, 0).sub(pairs.select(1, 1));
      return torch.log_sigmoid(gap).neg().mean();
    }
    Tensor groups = scores.view(-1, LossCase.GROUP);
    if (!given.kind().ranked()) {
      return torch.log_softmax(groups, 1).select(1, 0).neg().mean();
    }
    Tensor ranked = groups.gather(1, order);
    if (given.kind() == LossCase.Kind.PLACKETT_LUCE) {
      Tensor sums = ranked.flip(1).logcumsumexp(1).flip(1);
      return sums.sub(ranked).sum(1).mean();
    }
    Tensor gap = ranked.index_select(1, better).sub(ranked.index_select(1, worse));
    return torch.log_sigmoid(gap).neg().mean();
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
