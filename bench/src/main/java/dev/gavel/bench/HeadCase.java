package dev.gavel.bench;

import dev.gavel.Activation;
import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Layout;
import dev.gavel.Loss;
import dev.gavel.LossResult;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * One case of the chain gather, RMS norm, MLP, Bradley-Terry on random numbers: the tensors, which
 * peers take too, and our side of it. Every response is the last of 8 rows of its own, so that the
 * gather is one.
 */
final class HeadCase implements AutoCloseable {
  static final int ROWS_PER_RESPONSE = 8;

  final int responses;
  final int width;
  final Map<String, HostTensor> parameters = new LinkedHashMap<>();
  final HostTensor hidden;
  final HostTensor pairs;
  private final Context context;
  private final RewardHead head;
  private final PackedBatch batch;
  private final ScoreBatch scores;
  private final Loss loss;
  private final LossResult result;

  HeadCase(int width, int responses, DType dtype, int threads) {
    this.responses = responses;
    this.width = width;
    SplittableRandom random = new SplittableRandom(1);
    HeadSpec spec =
        HeadSpec.mlp(width, width).dtype(dtype).activation(Activation.SILU).rmsNorm(1e-6f).build();
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
      HostTensor values = HostTensor.allocate(dtype, shape);
      float center = parameter.name().equals("norm.weight") ? 1 : 0;
      for (long i = 0; i < values.elementCount(); i++) {
        values.setFloat(i, center + (float) random.nextGaussian(0, 0.02));
      }
      parameters.put(parameter.name(), values);
    }
    hidden = HostTensor.allocate(dtype, (long) responses * ROWS_PER_RESPONSE, width);
    for (long i = 0; i < hidden.elementCount(); i++) {
      hidden.setFloat(i, (float) random.nextGaussian());
    }
    int pairCount = responses / 2;
    long[] numbers = new long[2 * pairCount];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = i;
    }
    pairs = HostTensor.of(numbers, pairCount, 2);
    context = Context.open(Context.Options.defaults().withThreads(threads));
    head = RewardHead.create(context, spec, parameters);
    batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, responses);
    batch.group();
    for (int i = 0; i < responses; i++) {
      batch.sequence(ROWS_PER_RESPONSE).response(0, ROWS_PER_RESPONSE - 1);
    }
    batch.seal();
    scores = ScoreBatch.allocate(spec, responses);
    loss = Loss.bradleyTerry(pairs);
    result = LossResult.allocate(responses, pairCount);
  }

  /** Our side: one call. */
  void run() {
    head.score(batch, Pooling.index(), Readout.identity(), scores, loss, result);
  }

  /** Scores of the last run, to compare with a peer's. */
  float[] lastScores() {
    return scores.toArray();
  }

  @Override
  public void close() {
    result.close();
    scores.close();
    batch.close();
    head.close();
    context.close();
    pairs.close();
    hidden.close();
    parameters.values().forEach(HostTensor::close);
  }
}
