package dev.gavel;

import static dev.gavel.Errors.assertClose;

import java.util.function.Function;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The two losses and their gradients against LibTorch's autograd, in f32 and in float64. */
@ExtendWith(NoLeaks.class)
class LossAccuracyTest {
  private static final int GROUPS = 64;
  private static final int SIZE = 7;

  @BeforeEach
  void libTorch() {
    LibTorch.require();
  }

  @Test
  void bradleyTerry() {
    long[] pairs = new long[2 * GROUPS];
    for (int p = 0; p < GROUPS; p++) {
      pairs[2 * p] = p;
      pairs[2 * p + 1] = GROUPS + (p * 5L) % GROUPS;
    }
    try (HostTensor numbers = HostTensor.of(pairs, GROUPS, 2)) {
      Loss loss = Loss.bradleyTerry(numbers).withBeta(Amount.of(0.5f)).withMargin(Amount.of(0.25f));
      check(
          loss,
          2 * GROUPS,
          scores -> {
            Tensor i = torch.tensor(every(pairs, 0));
            Tensor j = torch.tensor(every(pairs, 1));
            Tensor difference = scores.index_select(0, i).sub(scores.index_select(0, j));
            Tensor z = difference.mul(new Scalar(0.5)).sub(new Scalar(0.25));
            return torch.log_sigmoid(z).mean().mul(new Scalar(-1.0));
          });
    }
  }

  @Test
  void crossEntropy() {
    long[] offsets = new long[GROUPS + 1];
    long[] best = new long[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
      offsets[g + 1] = (g + 1L) * SIZE;
      best[g] = g * 3L % SIZE;
    }
    try (HostTensor bounds = HostTensor.of(offsets, GROUPS + 1);
        HostTensor target = HostTensor.of(best, GROUPS)) {
      Loss loss =
          Loss.crossEntropy(bounds, CrossEntropy.Target.index(target))
              .withTemperature(Amount.of(2));
      check(
          loss,
          GROUPS * SIZE,
          scores ->
              torch.cross_entropy(
                  scores.reshape(GROUPS, SIZE).div(new Scalar(2.0)), torch.tensor(best)));
    }
  }

  private static void check(Loss loss, int count, Function<Tensor, Tensor> torchLoss) {
    TorchLoss.check(
        loss,
        count,
        torchLoss,
        (sample, value, gradient) -> {
          ReferenceLoss reference =
              ReferenceLoss.of(loss, HeadSample.flat(sample.scores), sample.valid);
          assertClose("references: loss", new double[] {reference.value}, value, 1e-12);
          assertClose("references: gradient", reference.gradient, gradient, 1e-12);
        });
  }

  private static long[] every(long[] pairs, int side) {
    long[] numbers = new long[pairs.length / 2];
    for (int p = 0; p < numbers.length; p++) {
      numbers[p] = pairs[2 * p + side];
    }
    return numbers;
  }
}
