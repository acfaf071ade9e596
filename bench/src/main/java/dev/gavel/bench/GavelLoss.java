package dev.gavel.bench;

import dev.gavel.Amount;
import dev.gavel.Context;
import dev.gavel.CrossEntropy;
import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.LossResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

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
    loss = loss(given);
    result = LossResult.allocate(count, given.items());
  }

  private Loss loss(LossCase given) {
    return switch (given.kind()) {
      case BRADLEY_TERRY -> Loss.bradleyTerry(numbers(i -> i, given.items(), 2));
      case CROSS_ENTROPY ->
          Loss.crossEntropy(
              offsets(given), CrossEntropy.Target.index(numbers(_ -> 0, given.items())));
      case PLACKETT_LUCE -> Loss.plackettLuce(offsets(given), ranks(given));
      case PAIRWISE_RANKING -> Loss.pairwiseRanking(offsets(given), ranks(given));
      case STEP_RANKING ->
          Loss.stepRanking(offsets(given), correct(given), Amount.of(LossCase.ZETA));
      case MSE -> Loss.mse(targets(given));
      case BCE -> Loss.bce(targets(given));
      case PINBALL -> Loss.pinball(targets(given), Amount.of(LossCase.QUANTILE));
      case ORDINAL -> Loss.ordinal(numbers(i -> i, given.items(), 2), LossCase.GROUP);
    };
  }

  private HostTensor numbers(LongUnaryOperator number, long... shape) {
    long[] numbers = LongStream.range(0, Arrays.stream(shape).reduce(1, (a, b) -> a * b)).toArray();
    return keep(HostTensor.of(Arrays.stream(numbers).map(number).toArray(), shape));
  }

  private HostTensor offsets(LossCase given) {
    return numbers(i -> i * LossCase.GROUP, given.items() + 1);
  }

  private HostTensor ranks(LossCase given) {
    return numbers(
        i -> LossCase.rank((int) (i / LossCase.GROUP), (int) (i % LossCase.GROUP)),
        given.scores().length);
  }

  private HostTensor correct(LossCase given) {
    boolean[] correct = new boolean[given.scores().length];
    for (int i = 0; i < correct.length; i++) {
      correct[i] = given.isCorrect(i);
    }
    return keep(HostTensor.of(correct));
  }

  private HostTensor targets(LossCase given) {
    return keep(HostTensor.of(given.targets(), given.targets().length));
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
