package dev.gavel.bench;

import java.util.Comparator;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The same loss in LibTorch, its gradient by autograd. */
final class TorchLoss implements Side {
  private final PointerScope kept = new PointerScope();
  private final LossCase given;
  private final Tensor scores;
  private final Tensor targets;
  private final Tensor order;
  private final Tensor better;
  private final Tensor worse;
  private final Tensor steps;
  private final Tensor nothing;
  private final Tensor admissible;
  private float[] results = {};

  TorchLoss(LossCase given, int threads) {
    torch.set_num_threads(threads);
    this.given = given;
    scores = torch.tensor(given.scores()).requires_grad_(true);
    targets = torch.tensor(given.targets());
    int group = LossCase.GROUP;
    int count = given.scores().length;
    // Of each group, its entries from the best to the worst; then the ranks of all pairs.
    order = entries(count, i -> given.score(i / group, i % group) % group);
    long[][] pairs = new long[2][group * (group - 1) / 2];
    float[] logs = new float[group * group];
    int next = 0;
    for (int one = 0; one < group; one++) {
      for (int other = 0; other < group; other++) {
        logs[one * group + other] = one > other ? 0 : Float.NEGATIVE_INFINITY;
        if (one < other) {
          pairs[0][next] = one;
          pairs[1][next++] = other;
        }
      }
    }
    better = torch.tensor(pairs[0]);
    worse = torch.tensor(pairs[1]);
    admissible = torch.tensor(logs).view(group, group);
    // The wrong steps of each group in front of the correct ones, and the 0 they are compared with.
    steps = entries(count, i -> step(i / group, i % group));
    nothing = torch.zeros(count / group, 1);
  }

  private static Tensor entries(int count, IntToLongFunction entry) {
    return torch
        .tensor(IntStream.range(0, count).mapToLong(entry).toArray())
        .view(-1, LossCase.GROUP);
  }

  private long step(int group, int place) {
    int first = group * LossCase.GROUP;
    return IntStream.range(0, LossCase.GROUP)
        .boxed()
        .sorted(Comparator.comparing(entry -> given.isCorrect(first + entry)))
        .toList()
        .get(place);
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
    Tensor groups = scores.view(-1, LossCase.GROUP);
    return switch (given.kind()) {
      case BRADLEY_TERRY -> {
        Tensor pairs = scores.view(-1, 2);
        yield torch.log_sigmoid(pairs.select(1, 0).sub(pairs.select(1, 1))).neg().mean();
      }
      case CROSS_ENTROPY -> torch.log_softmax(groups, 1).select(1, 0).neg().mean();
      case PLACKETT_LUCE -> {
        Tensor ranked = groups.gather(1, order);
        yield ranked.flip(1).logcumsumexp(1).flip(1).sub(ranked).sum(1).mean();
      }
      case PAIRWISE_RANKING -> {
        Tensor ranked = groups.gather(1, order);
        Tensor gap = ranked.index_select(1, better).sub(ranked.index_select(1, worse));
        yield torch.log_sigmoid(gap).neg().mean();
      }
      case STEP_RANKING -> stepRanking(groups.gather(1, steps));
      case MSE -> torch.mse_loss(scores, targets);
      case BCE -> torch.binary_cross_entropy_with_logits(scores, targets);
      case PINBALL -> {
        Tensor gap = targets.sub(scores);
        Scalar over = new Scalar(LossCase.QUANTILE);
        yield torch.maximum(gap.mul(over), gap.mul(new Scalar(LossCase.QUANTILE - 1))).mean();
      }
      case ORDINAL -> {
        Tensor rows = torch.log_softmax(groups, 1).view(-1, 2, LossCase.GROUP);
        Tensor joint = rows.select(1, 0).unsqueeze(2).add(rows.select(1, 1).unsqueeze(1));
        yield joint.add(admissible).flatten(1, 2).logsumexp(1).neg().mean();
      }
    };
  }

  private Tensor stepRanking(Tensor ordered) {
    long half = LossCase.GROUP / 2;
    Tensor wrong = ordered.narrow(1, 0, half).add(new Scalar(LossCase.ZETA));
    Tensor correct = ordered.narrow(1, half, half);
    Tensor sums = torch.cat(new TensorVector(nothing, wrong, correct), 1).logcumsumexp(1);
    Tensor each = sums.narrow(1, half, half + 1).sum(1).sub(correct.sum(1));
    return each.div(new Scalar((float) (half + 1))).mean();
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
