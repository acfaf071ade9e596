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
  private TorchLoss() {}

  /**
   * One number alone may be exact by chance, so errors are those over all samples.
   *
   * @param torchLoss the same loss of a leaf with the scores, in its type
   * @param truth is given a sample, its loss in float64 (one value) and the gradient
   */
  static void check(
      Loss loss, List<LossSample> samples, Function<Tensor, Tensor> torchLoss, Truth truth) {
    Numbers losses = new Numbers();
    Numbers gradients = new Numbers();
    try (Context context = Context.open()) {
      for (LossSample sample : samples) {
        PointerScope tensors = new PointerScope();
        try (LossResult result = LossResult.allocate(sample.count(), sample.count())) {
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
    // A sample has one loss, which is a mean of hundreds of items: both errors are about one
    // rounding
    // of it, and ours was 1.35 times LibTorch's with BCE, 1.11 with PINBALL, below it elsewhere.
    losses.check("loss", 1);
    gradients.check("gradient", 0);
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

    void check(String what, double roundings) {
      double[] truth = flat(exact);
      assertNoWorse(
          what,
          flat(ours),
          flat(peers),
          truth,
          roundings * Errors.F32 * Errors.rootMeanSquare(truth));
    }

    private static double[] flat(List<double[]> samples) {
      return samples.stream().flatMapToDouble(Arrays::stream).toArray();
    }
  }
}
