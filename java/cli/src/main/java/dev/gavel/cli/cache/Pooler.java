package dev.gavel.cli.cache;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Makes vectors of hidden states. The kernel that pools is the one that scores, so that a head
 * gives the vectors the score it gives the hidden states: a head of no consequence makes it run.
 */
public final class Pooler implements AutoCloseable {
  private final Pooling pooling;
  private final RewardHead head;

  /**
   * A pooler.
   *
   * @param hiddenStateWidth H
   */
  public Pooler(Context context, Pooling pooling, int hiddenStateWidth) {
    this.pooling = pooling;
    this.head =
        RewardHead.create(
            context,
            HeadSpec.linear((int) pooling.vectorWidth(hiddenStateWidth)).build(),
            Init.normal(0, 0));
  }

  /** D, the width of a vector. */
  public int width() {
    return head.spec().inputWidth();
  }

  /** Vectors of the responses of a batch, f32 [R, D] in row-major order. */
  public float[] vectors(PackedBatch batch) {
    try (ScoreBatch into =
        ScoreBatch.allocate(head.spec(), batch.responses(), ScoreBatch.Extra.VECTORS)) {
      head.score(batch, pooling, Readout.identity(), into);
      return into.vectors().toFloats();
    }
  }

  /**
   * Vectors of the responses of a batch, each with the row that a gate reads behind it.
   *
   * @param batch with gate rows
   */
  public float[] gatedVectors(PackedBatch batch) {
    float[] pooled = vectors(batch);
    int width = width();
    float[] both = new float[Math.multiplyExact(2, pooled.length)];
    for (int i = 0; i < batch.responses(); i++) {
      System.arraycopy(pooled, i * width, both, 2 * i * width, width);
      long row = batch.gateRow(i);
      MemorySegment.copy(
          batch.hidden().segment(),
          ValueLayout.JAVA_FLOAT,
          row * width * Float.BYTES,
          both,
          (2 * i + 1) * width,
          width);
    }
    return both;
  }

  @Override
  public void close() {
    head.close();
  }
}
