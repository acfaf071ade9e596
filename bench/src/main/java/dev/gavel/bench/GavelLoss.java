package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.CrossEntropy;
import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.LossResult;
import java.util.ArrayList;
import java.util.List;

/** Our side of a loss: value and gradient in one call. */
final class GavelLoss implements Side {
  private final Context context;
  private final List<HostTensor> open = new ArrayList<>();
  private final HostTensor scores;
  private final Loss loss;
  private final LossResult result;

  GavelLoss(LossCase given, int threads) {
    context = Context.open(Context.Options.defaults().withThreads(threads));
    int count = given.scores().length;
    scores = keep(HostTensor.of(given.scores(), count));
    if (given.kind() == LossCase.Kind.BRADLEY_TERRY) {
      long[] pairs = new long[count];
      java.util.Arrays.setAll(pairs, i -> i);
      loss = Loss.bradleyTerry(keep(HostTensor.of(pairs, given.items(), 2)));
    } else {
      long[] offsets = new long[given.items() + 1];
      java.util.Arrays.setAll(offsets, i -> (long) i * LossCase.GROUP);
      loss = ofGroups(given, keep(HostTensor.of(offsets, offsets.length)));
    }
    result = LossResult.allocate(count, given.items());
  }

  private Loss ofGroups(LossCase given, HostTensor offsets) {
    if (!given.kind().ranked()) {
      return Loss.crossEntropy(
          offsets,
          CrossEntropy.Target.index(keep(HostTensor.of(new long[given.items()], given.items()))));
    }
    long[] numbers = new long[given.scores().length];
    java.util.Arrays.setAll(numbers, i -> LossCase.rank(i / LossCase.GROUP, i % LossCase.GROUP));
    HostTensor ranks = keep(HostTensor.of(numbers, numbers.length));
    return given.kind() == LossCase.Kind.PLACKETT_LUCE
        ? Loss.plackettLuce(offsets, ranks)
        : Loss.pairwiseRanking(offsets, ranks);
  }

  private HostTensor keep(HostTensor tensor) {
    open.add(tensor);
    return tensor;
  }

  @Override
  public String name() {
    return "gavel";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    loss.evaluate(context, scores, result);
  }

  @Override
  public float[] results() {
    float[] values = new float[1 + result.scores()];
    values[0] = result.value();
    for (int i = 0; i < result.scores(); i++) {
      values[1 + i] = result.gradient(i);
    }
    return values;
  }

  @Override
  public void close() {
    result.close();
    open.forEach(HostTensor::close);
    context.close();
  }
}
