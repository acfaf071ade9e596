package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Dense scores: pooling ALL scores every row of a batch, whatever responses it has. */
@ExtendWith(NoLeaks.class)
class PoolingAllTest {
  private static final int ROWS = 9;

  /** A dense score with its loss and gradients is INDEX over every row, in bits. */
  @Test
  void everyRowIsScored() {
    HeadSpec spec = HeadSpec.mlp(12, 8).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.5f, 1));
        HostTensor hidden = hidden(spec);
        HostTensor labels = HostTensor.of(new float[] {1, 0, 1, 0, 1, 0, 1, 0, 1}, ROWS);
        PackedBatch responses =
            PackedBatch.joint(hidden, Spans.of(new int[] {0, 4}, new int[] {3, 8}));
        PackedBatch rows = PackedBatch.ofVectors(hidden, ROWS);
        Step dense = Step.allocate(head, ROWS, ROWS, Step.Extra.VECTOR_GRADIENTS);
        Step indexed = Step.allocate(head, ROWS, ROWS, Step.Extra.VECTOR_GRADIENTS);
        HostTensor denseHidden = HostTensor.allocate(DType.F32, ROWS, 12);
        HostTensor indexedHidden = HostTensor.allocate(DType.F32, ROWS, 12)) {
      dense.forward(responses, Pooling.all(), Readout.identity(), Loss.bce(labels));
      indexed.forward(rows, Pooling.index(), Readout.identity(), Loss.bce(labels));
      assertEquals(ROWS, dense.scores().responses());
      assertArrayEquals(indexed.scores().toArray(), dense.scores().toArray());
      assertEquals(indexed.loss().value(), dense.loss().value());
      dense.backward();
      indexed.backward();
      for (HeadSpec.Parameter parameter : spec.parameters()) {
        assertArrayEquals(
            indexed.gradients().get(parameter.name()).toFloats(),
            dense.gradients().get(parameter.name()).toFloats());
      }
      dense.scatter(denseHidden);
      indexed.scatter(indexedHidden);
      assertArrayEquals(indexedHidden.toFloats(), denseHidden.toFloats());
      assertArrayEquals(
          indexed.scores().toArray(), head.score(responses, Pooling.all(), Readout.identity()));
    }
  }

  @Test
  void roomIsCountedInRows() {
    HeadSpec spec = HeadSpec.linear(12).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.5f, 1));
        HostTensor hidden = hidden(spec);
        PackedBatch batch = PackedBatch.joint(hidden, Spans.of(new int[] {0}, new int[] {8}));
        ScoreBatch small = ScoreBatch.allocate(spec, ROWS - 1)) {
      assertThrows(
          InvalidArgumentException.class,
          () -> head.score(batch, Pooling.all(), Readout.identity(), small));
    }
  }

  private static HostTensor hidden(HeadSpec spec) {
    HostTensor hidden = HostTensor.allocate(spec.dtype(), ROWS, 12);
    for (int i = 0; i < hidden.elementCount(); i++) {
      hidden.setFloat(i, (float) Math.sin(i * 1.7));
    }
    return hidden;
  }
}
