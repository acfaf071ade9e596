package dev.gavel.cli.cache;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.checkpoint.GateRows;
import dev.gavel.text.VectorModel;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Scores vectors with a head that gives more than a score, or has a gate. A gate that reads a row
 * of its own finds it behind the response's: the two are copied side by side, which is little
 * beside the layers of such a gate.
 */
final class ObjectiveScorer implements PieceScorer {
  private final VectorModel model;

  ObjectiveScorer(VectorModel model) {
    this.model = model;
  }

  @Override
  public float[] score(CacheShard shard, int first, int[] sizes) {
    int count = Arrays.stream(sizes).sum();
    shard.requireWhole();
    HostTensor vectors = shard.vectors().rows(first, count);
    boolean second =
        model.gateRows().isPresent() && model.gateRows().get() instanceof GateRows.LastPattern;
    if (!second) {
      return values(vectors, sizes, 1);
    }
    try (HostTensor both = HostTensor.allocate(DType.F32, 2L * count, vectors.size(1))) {
      long bytes = vectors.size(1) * Float.BYTES;
      MemorySegment heads = shard.vectorBytes();
      MemorySegment gates = shard.gateVectorBytes();
      for (long i = 0; i < count; i++) {
        copy(heads, (first + i) * bytes, both, 2 * i * bytes, bytes);
        copy(gates, (first + i) * bytes, both, (2 * i + 1) * bytes, bytes);
      }
      return values(both, sizes, 2);
    }
  }

  @Override
  public void close() {}

  private static void copy(MemorySegment from, long at, HostTensor to, long offset, long bytes) {
    MemorySegment.copy(from, at, to.segment(), offset, bytes);
  }

  /**
   * Values of responses.
   *
   * @param rows of each: its vector, and behind it what the gate reads where that is another
   */
  private float[] values(HostTensor vectors, int[] sizes, int rows) {
    int count = Arrays.stream(sizes).sum();
    try (PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, vectors, count)) {
      for (int size : sizes) {
        batch.group();
        for (int i = 0; i < size; i++) {
          batch.sequence(rows).response(0, 0);
        }
      }
      if (model.gateRows().isPresent()) {
        long[] gates = new long[count];
        Arrays.setAll(gates, i -> (long) rows * i + rows - 1);
        batch.gateRows(gates);
      }
      List<Float> found = model.values(batch.seal());
      float[] values = new float[found.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = found.get(i);
      }
      return values;
    }
  }
}
