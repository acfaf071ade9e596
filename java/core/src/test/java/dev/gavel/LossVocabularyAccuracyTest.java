package dev.gavel;

import java.util.Random;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The other seven losses and their gradients against LibTorch's autograd, in f32 and float64. */
@ExtendWith(NoLeaks.class)
class LossVocabularyAccuracyTest {
  private static final int GROUPS = 64;
  private static final int SIZE = 7;
  private static final int COUNT = GROUPS * SIZE;

  @BeforeEach
  void libTorch() {
    LibTorch.require();
  }

  @Test
  void plackettLuce() {
    long[] ranks = ranks(false);
    long[] order =
        IntStream.range(0, COUNT)
            .boxed()
            .sorted((a, b) ->
                a / SIZE != b / SIZE ? a / SIZE - b / SIZE : Long.compare(ranks[a], ranks[b]))
            .mapToLong(Integer::longValue)
            .toArray();
    try (HostTensor offsets = offsets();
        HostTensor given = HostTensor.of(ranks, COUNT)) {
      check(
          Loss.plackettLuce(offsets, given).withTemperature(Amount.of(2)),
          scores -> {
            Tensor z =
                scores
                    .index_select(0, torch.tensor(order))
                    .reshape(GROUPS, SIZE)
                    .div(new Scalar(2.0));
            Tensor sets = torch.flip(torch.logcumsumexp(torch.flip(z, 1), 1), 1);
            return sets.sub(z).sum().div(new Scalar((double) GROUPS));
          });
    }
  }

  @Test
  void pairwiseRanking() {
    long[] ranks = ranks(true);
    float[] shares = new float[GROUPS * SIZE * SIZE];
    for (int g = 0; g < GROUPS; g++) {
      for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
          shares[(g * SIZE + i) * SIZE + j] = ranks[g * SIZE + i] < ranks[g * SIZE + j] ? 1 : 0;
        }
      }
    }
    try (HostTensor offsets = offsets();
        HostTensor given = HostTensor.of(ranks, COUNT)) {
      check(
          Loss.pairwiseRanking(offsets, given).withBeta(Amount.of(0.5f)),
          scores -> {
            Tensor s = scores.reshape(GROUPS, SIZE);
            Tensor gaps = s.unsqueeze(2).sub(s.unsqueeze(1)).mul(new Scalar(0.5));
            Tensor better = torch.tensor(shares).to(scores.scalar_type());
            better = better.reshape(GROUPS, SIZE, SIZE);
            Tensor sums = torch.log_sigmoid(gaps).mul(better).sum(1, 2);
            return sums.div(better.sum(1, 2)).mean().mul(new Scalar(-1.0));
          });
    }
  }

  @Test
  void stepRanking() {
    long[] right = {0, 2, 3, 5};
    long[] wrong = {1, 4, 6};
    boolean[] labels = new boolean[COUNT];
    for (int g = 0; g < GROUPS; g++) {
      for (long step : right) {
        labels[g * SIZE + (int) step] = true;
      }
    }
    try (HostTensor offsets = offsets();
        HostTensor given = HostTensor.of(labels)) {
      check(
          Loss.stepRanking(offsets, given, Amount.of(4)),
          scores -> {
            Tensor s = scores.reshape(GROUPS, SIZE);
            Tensor correct = s.index_select(1, torch.tensor(right));
            Tensor others = s.index_select(1, torch.tensor(wrong)).add(new Scalar(4.0));
            Tensor zero = s.detach().narrow(1, 0, 1).mul(new Scalar(0.0));
            Tensor sets =
                torch.logcumsumexp(torch.cat(new TensorVector(zero, others, correct), 1), 1);
            Tensor sum = sets.narrow(1, 3, 5).sum().sub(correct.sum());
            return sum.div(new Scalar(5.0 * GROUPS));
          });
    }
  }

  @Test
  void mse() {
    float[] targets = numbers(1, 3);
    try (HostTensor given = HostTensor.of(targets, COUNT)) {
      check(Loss.mse(given), scores -> torch.mse_loss(scores, like(scores, targets)));
    }
  }

  @Test
  void bce() {
    float[] targets = numbers(2, 1);
    for (int n = 0; n < COUNT; n++) {
      targets[n] = n % 3 == 0 ? 0 : n % 3 == 1 ? 1 : Math.abs(targets[n]) % 1;
    }
    try (HostTensor given = HostTensor.of(targets, COUNT)) {
      check(
          Loss.bce(given).withPositiveWeight(Amount.of(1.5f)),
          scores ->
              torch.binary_cross_entropy_with_logits(
                  scores,
                  like(scores, targets),
                  new TensorOptional(),
                  new TensorOptional(like(scores, new float[] {1.5f})),
                  1));
    }
  }

  @Test
  void pinball() {
    float[] targets = numbers(3, 3);
    try (HostTensor given = HostTensor.of(targets, COUNT)) {
      check(
          Loss.pinball(given, Amount.of(0.75f)),
          scores -> {
            Tensor difference = like(scores, targets).sub(scores);
            return torch
                .maximum(difference.mul(new Scalar(0.75)), difference.mul(new Scalar(-0.25)))
                .mean();
          });
    }
  }

  @Test
  void ordinal() {
    long[] chosen = LongStream.range(0, GROUPS).toArray();
    long[] rejected = LongStream.range(0, GROUPS).map(p -> (p * 5 + 1) % GROUPS).toArray();
    long[] pairs = new long[2 * GROUPS];
    LongUnaryOperator other = p -> rejected[(int) p] == p ? (p + 1) % GROUPS : rejected[(int) p];
    for (int p = 0; p < GROUPS; p++) {
      rejected[p] = other.applyAsLong(p);
      pairs[2 * p] = chosen[p];
      pairs[2 * p + 1] = rejected[p];
    }
    float[] outside = new float[SIZE * SIZE];
    for (int a = 0; a < SIZE; a++) {
      for (int b = a; b < SIZE; b++) {
        outside[a * SIZE + b] = Float.NEGATIVE_INFINITY;
      }
    }
    try (HostTensor given = HostTensor.of(pairs, GROUPS, 2)) {
      check(
          Loss.ordinal(given, SIZE),
          scores -> {
            Tensor rows = torch.log_softmax(scores.reshape(GROUPS, SIZE), 1);
            Tensor u = rows.index_select(0, torch.tensor(chosen));
            Tensor v = rows.index_select(0, torch.tensor(rejected));
            Tensor both = u.unsqueeze(2).add(v.unsqueeze(1));
            Tensor admitted = both.add(like(scores, outside).reshape(SIZE, SIZE));
            return torch.logsumexp(admitted, 1, 2).mean().mul(new Scalar(-1.0));
          });
    }
  }

  private static void check(Loss loss, Function<Tensor, Tensor> torchLoss) {
    TorchLoss.check(loss, COUNT, torchLoss, (sample, value, gradient) -> {});
  }

  /** A constant of the scores' type. */
  private static Tensor like(Tensor scores, float[] values) {
    return torch.tensor(values).to(scores.scalar_type());
  }

  private static HostTensor offsets() {
    return HostTensor.of(
        LongStream.rangeClosed(0, GROUPS).map(g -> g * SIZE).toArray(), GROUPS + 1L);
  }

  private static long[] ranks(boolean ties) {
    long[] ranks = new long[COUNT];
    for (int n = 0; n < COUNT; n++) {
      int place = (n % SIZE * 3 + n / SIZE) % SIZE;
      ranks[n] = ties ? place / 2 : place;
    }
    return ranks;
  }

  private static float[] numbers(long seed, double spread) {
    Random random = new Random(seed);
    float[] values = new float[COUNT];
    for (int n = 0; n < COUNT; n++) {
      values[n] = (float) (spread * random.nextGaussian());
    }
    return values;
  }
}
