package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Our side of a readout: one score call, the gate's head in it. */
final class GavelReadout implements Side {
  private final Context context;
  private final RewardHead head;
  private final RewardHead gate;
  private final PackedBatch batch;
  private final Readout readout;
  private final ScoreBatch scores;

  GavelReadout(ReadoutCase given, int threads) {
    context = Context.open(Context.Options.defaults().withThreads(threads));
    head = head(given.weight);
    gate = head(given.gate);
    batch = PackedBatch.allocate(Layout.INDEPENDENT, given.hidden, given.rows());
    batch.group();
    for (int row = 0; row < given.rows(); row++) {
      batch.sequence(1).response(0, 0);
    }
    if (given.kind.isGated()) {
      batch.gateRows(LongStream.range(0, given.rows()).toArray());
    }
    batch.seal();
    readout = readout(given);
    scores = ScoreBatch.allocate(head.spec(), readout, given.rows());
  }

  private RewardHead head(HostTensor weight) {
    HeadSpec spec =
        HeadSpec.linear((int) weight.size(1))
            .dtype(weight.dtype())
            .outputWidth((int) weight.size(0))
            .outputBias(false)
            .build();
    return RewardHead.create(context, spec, Map.of("output.weight", weight));
  }

  private Readout readout(ReadoutCase given) {
    return switch (given.kind) {
      case CLASS_PROB -> Readout.classProb(ReadoutCase.WANTED, given.kind.outputs);
      case EXPECTATION -> Readout.expectation(given.numbers);
      case VARIANCE ->
          new Readout.Expectation(
              IntStream.range(0, given.numbers.length).mapToObj(k -> given.numbers[k]).toList(),
              Readout.Statistic.VARIANCE);
      case QUANTILE_MEAN -> Readout.quantileMean(given.kind.outputs);
      case WEIGHTED_SUM -> Readout.weightedSum(given.numbers);
      case GATED_SUM ->
          Readout.softmaxGate(gate, ReadoutCase.TEMPERATURE, 1).transform(given.transform);
    };
  }

  @Override
  public String name() {
    return "gavel";
  }

  @Override
  public String storage() {
    return head.spec().dtype().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void run() {
    head.score(batch, Pooling.index(), readout, scores);
  }

  @Override
  public float[] results() {
    return scores.toArray();
  }

  @Override
  public void close() {
    scores.close();
    batch.close();
    gate.close();
    head.close();
    context.close();
  }
}
