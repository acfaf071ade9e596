package dev.gavel;

import java.util.ArrayList;
import java.util.List;

/** Each of the nine losses over eight scores. */
final class EveryLoss implements AutoCloseable {
  private final List<HostTensor> tensors = new ArrayList<>();
  final List<Loss> all;

  EveryLoss() {
    HostTensor offsets = keep(HostTensor.of(new long[] {0, 3, 8}, 3));
    HostTensor pairs = keep(HostTensor.of(new long[] {0, 1, 3, 2, 2, 1}, 3, 2));
    HostTensor ranks = keep(HostTensor.of(new long[] {2, 1, 3, 1, 5, 4, 2, 3}, 8));
    HostTensor labels =
        keep(HostTensor.of(new boolean[] {true, false, true, true, false, true, true, false}));
    HostTensor targets =
        keep(HostTensor.of(new float[] {0, 1, 0.5f, Float.NaN, 1, 0, 0.25f, 1}, 8));
    all =
        List.of(
            Loss.bradleyTerry(pairs),
            Loss.crossEntropy(
                offsets, CrossEntropy.Target.index(keep(HostTensor.of(new long[] {1, 4}, 2)))),
            Loss.plackettLuce(offsets, ranks).withTopK(2),
            Loss.pairwiseRanking(offsets, ranks).withBeta(Amount.of(0.5f)),
            Loss.mse(targets).withReduction(Reduction.SUM),
            Loss.bce(targets).withPositiveWeight(Amount.of(2)),
            Loss.stepRanking(offsets, labels, Amount.of(4)),
            Loss.ordinal(pairs, 2),
            Loss.pinball(targets, Amount.of(0.75f)));
  }

  private HostTensor keep(HostTensor tensor) {
    tensors.add(tensor);
    return tensor;
  }

  @Override
  public void close() {
    tensors.forEach(HostTensor::close);
  }
}
