package dev.gavel;

import static dev.gavel.Errors.assertNoWorse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A loss and its gradient beside LibTorch's autograd in f32, both measured by float64. */
final class TorchLoss {
  private static final int SAMPLES = 1024;

  private TorchLoss() {}

  /**
   * The loss of a sample is one number, and which of two roundings of it is nearer to the truth is
   * chance: of {@value #SAMPLES}, the errors' root mean squares have a ratio that is known to a few
   * percent.
   *
   * @param count scores of a sample
   * @param torchLoss the same loss of a leaf with the scores, in its type
   * @param truth is given a sample, its loss in float64 (one value) and the gradient
   */
  static void check(Loss loss, int count, Function<Tensor, Tensor> torchLoss, Truth truth) {
    Numbers losses = new Numbers();
    Numbers gradients = new Numbers();
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(count, count)) {
      for (int seed = 1; seed <= SAMPLES; seed++) {
        PointerScope tensors = new PointerScope();
        try (LossSample sample = new LossSample(seed, count, 2)) {
          Tensor wide = LibTorch.leaf(sample.scores, ScalarType.Double);
          Tensor narrow = LibTorch.leaf(sample.scores, ScalarType.Float);
          Tensor exact = torchLoss.apply(wide);
          Tensor peer = torchLoss.apply(narrow);
          exact.backward();
          peer.backward();
          double[] value = LibTorch.values(exact);
          double[] gradient = LibTorch.values(wide.grad());
          truth.accept(sample, value, gradient);
          loss.evaluate(context, sample.scores, result);
          losses.add(new double[] {result.value()}, LibTorch.values(peer), value);
          gradients.add(
              HeadSample.flat(result.gradient()), LibTorch.values(narrow.grad()), gradient);
        } finally {
          tensors.close();
        }
      }
    }
    losses.check("loss");
    gradients.check("gradient");
  }

  interface Truth {
    void accept(LossSample sample, double[] value, double[] gradient);
  }

  private static final class Numbers {
    private final List<double[]> ours = new ArrayList<>();
    private final List<double[]> peers = new ArrayList<>();
    private final List<double[]> exact = new ArrayList<>();

    void add(double[] our, double[] peer, double[] truth) {
      ours.add(our);
      peers.add(peer);
      exact.add(truth);
    }

    void check(String what) {
      assertNoWorse(what, flat(ours), flat(peers), flat(exact));
    }

    private static double[] flat(List<double[]> samples) {
      return samples.stream().flatMapToDouble(Arrays::stream).toArray();
    }
  }
}
