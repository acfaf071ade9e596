package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;

/** Our side of a forward pass: one call of the Java API. */
final class GavelHead implements Side {
  private final HeadTensors tensors;
  private final Context context;
  private final RewardHead head;
  private final PackedBatch batch;
  private final ScoreBatch scores;
  private final Pooling pooling;

  GavelHead(HeadTensors tensors, int threads) {
    this(tensors, Context.Options.defaults().withThreads(threads));
  }

  GavelHead(HeadTensors tensors, Context.Options options) {
    this.tensors = tensors;
    BenchShape shape = tensors.shape;
    context = Context.open(options);
    head = RewardHead.create(context, tensors.spec, tensors.parameters);
    batch = PackedBatch.allocate(Layout.INDEPENDENT, tensors.hidden, shape.responses());
    batch.group();
    for (int i = 0; i < shape.responses(); i++) {
      batch.sequence(shape.span()).response(0, shape.span() - 1);
    }
    batch.seal();
    scores = ScoreBatch.allocate(tensors.spec, shape.responses());
    pooling = shape.span() > 1 ? Pooling.spanMean() : Pooling.index();
  }

  @Override
  public String name() {
    return "gavel";
  }

  @Override
  public String storage() {
    return tensors.shape.storage();
  }

  @Override
  public void run() {
    head.score(batch, pooling, Readout.identity(), scores);
  }

  @Override
  public float[] results() {
    return scores.toArray();
  }

  @Override
  public void close() {
    scores.close();
    batch.close();
    head.close();
    context.close();
  }
}
