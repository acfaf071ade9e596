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
      loss =
          Loss.crossEntropy(
              keep(HostTensor.of(offsets, offsets.length)),
              CrossEntropy.Target.index(
                  keep(HostTensor.of(new long[given.items()], given.items()))));
    }
    result = LossResult.allocate(count, given.items());
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
