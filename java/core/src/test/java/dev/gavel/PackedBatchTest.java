package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PackedBatchTest {

  @Test
  void aBatchThatIsBeingFilledIsNotScored() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 3, 4);
        PackedBatch batch = PackedBatch.allocate(Layout.JOINT, hidden, 2);
        Context context = Context.open();
        RewardHead head =
            RewardHead.create(context, HeadSpec.linear(4).build(), Init.normal(1, 1))) {
      IllegalStateException refused =
          assertThrows(
              IllegalStateException.class,
              () -> head.score(batch, Pooling.index(), Readout.identity()));
      assertTrue(refused.getMessage().contains("call seal()"), refused.getMessage());
    }
  }

  @Test
  void rowsOfASequenceCountFromItsStart() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 9, 2);
        PackedBatch batch = PackedBatch.allocate(Layout.JOINT, hidden, 4)) {
      batch.group().sequence(4).response(1, 2).response(3, 3);
      batch.group().sequence(3).response(0, 0).sequence(2).response(Spans.NONE, Spans.NONE).seal();
      assertEquals(4, batch.responses());
      assertEquals(2, batch.groups());
      assertEquals(List.of(1L, 3L, 4L, -1L), rows(batch, true));
      assertEquals(List.of(2L, 3L, 4L, -1L), rows(batch, false));
      try (HostTensor offsets = batch.groupOffsets()) {
        assertEquals("i64[3]", offsets.toString());
        assertEquals(2, offsets.longAt(1));
        assertEquals(4, offsets.longAt(2));
      }
      assertEquals(2, batch.groupStart(1));
    }
  }

  /**
   * Whatever is packed, every response keeps its rows relative to its sequence, and groups tile the
   * responses.
   */
  @Property
  void packingKeepsRows(
      @ForAll @Size(min = 1, max = 12) List<@IntRange(min = 1, max = 9) Integer> sequenceRows,
      @ForAll boolean oneGroup) {
    int total = sequenceRows.stream().mapToInt(Integer::intValue).sum();
    try (HostTensor hidden = HostTensor.allocate(DType.BF16, total + 1L, 3);
        PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, sequenceRows.size())) {
      batch.refill(hidden, total).group();
      List<Long> expected = new ArrayList<>();
      long start = 0;
      for (int i = 0; i < sequenceRows.size(); i++) {
        int rows = sequenceRows.get(i);
        if (i > 0 && !oneGroup) {
          batch.group();
        }
        batch.sequence(rows).response(0, rows - 1);
        expected.add(start + rows - 1);
        start += rows;
      }
      batch.seal();
      assertEquals(expected, rows(batch, false));
      assertEquals(oneGroup ? 1 : sequenceRows.size(), batch.groups());
      assertEquals(sequenceRows.size(), batch.groupStart(batch.groups()));
    }
  }

  /**
   * Any order of calls with any numbers ends in a refusal or in a batch whose rows exist and whose
   * groups tile it.
   */
  @Property
  void anyFillingIsRefusedOrRight(@ForAll long seed, @ForAll Layout layout) {
    SplittableRandom random = new SplittableRandom(seed);
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 6, 2);
        PackedBatch batch = PackedBatch.allocate(layout, hidden, 4)) {
      boolean sealed = false;
      for (int i = 0; i < 40 && !sealed; i++) {
        try {
          switch (random.nextInt(9)) {
            case 0, 1 -> batch.group();
            case 2, 3, 4 -> batch.sequence(random.nextInt(-1, 5));
            case 5, 6, 7 -> batch.response(stray(random), stray(random));
            default -> {
              batch.seal();
              sealed = true;
            }
          }
        } catch (InvalidArgumentException refused) {
          assertTrue(refused.getMessage().startsWith("packed batch: "), refused.getMessage());
        }
      }
      if (!sealed) {
        assertThrows(IllegalStateException.class, batch::acquire);
        return;
      }
      for (int i = 0; i < batch.responses(); i++) {
        long first = rows(batch, true).get(i);
        long last = rows(batch, false).get(i);
        assertTrue(first == -1 ? last == -1 : first <= last && last < 6);
      }
      for (int g = 0; g < batch.groups(); g++) {
        assertTrue(batch.groupStart(g) < batch.groupStart(g + 1));
      }
      assertEquals(batch.responses(), batch.groupStart(batch.groups()));
    }
  }

  private static long stray(SplittableRandom random) {
    return random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(-1, 4);
  }

  @Test
  void mistakesAreNamed() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 4, 2);
        PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, 2)) {
      refuses(() -> batch.sequence(1), "call group() first");
      refuses(batch::seal, "no group");
      batch.group();
      refuses(() -> batch.response(0, 0), "call sequence(rows) first");
      refuses(() -> batch.sequence(5), "1 to 4");
      refuses(() -> batch.sequence(0), "1 to 4");
      refuses(batch::group, "a group has no response");
      batch.sequence(2);
      refuses(() -> batch.sequence(1), "a sequence has no response");
      refuses(() -> batch.response(0, 2), "0 <= first <= last <= 1");
      refuses(() -> batch.response(1, 0), "0 <= first");
      refuses(() -> batch.response(-1, 0), "0 <= first");
      batch.response(0, 1);
      refuses(() -> batch.response(0, 1), "INDEPENDENT has one per sequence");
      refuses(batch::seal, "its sequences have 2 rows together");
      batch.sequence(2).response(0, 0).seal();
      assertThrows(IllegalStateException.class, batch::group);
      batch.refill(hidden).group().sequence(1).response(0, 0).sequence(1).response(0, 0);
      batch.sequence(2);
      refuses(() -> batch.response(0, 0), "capacity of 2 responses");
      assertThrows(IllegalStateException.class, batch::groupOffsets);
      assertThrows(IllegalStateException.class, batch::acquire);
    }
  }

  /** Rows of a gate belong to the hidden states they were given for, and go with them. */
  @Test
  void refillingForgetsTheRowsOfAGate() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 4, 2);
        PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, 4)) {
      for (Runnable refill :
          List.<Runnable>of(
              () -> batch.refill(hidden).group().sequence(4).response(0, 3).seal(),
              () -> batch.refillVectors(hidden, 3, 1))) {
        batch.refill(hidden).group().sequence(4).response(0, 3).gateRows(2).seal();
        assertEquals(2, batch.gateRow(0));
        refill.run();
        refuses(() -> batch.gateRow(0), "gate rows of 0");
        refuses(batch::gate, "call gateRows before seal()");
      }
    }
  }

  @Test
  void hiddenStatesMustBeAMatrixOfFloats() {
    try (HostTensor vector = HostTensor.allocate(DType.F32, 4);
        HostTensor integers = HostTensor.allocate(DType.I64, 4, 2);
        HostTensor narrow = HostTensor.allocate(DType.F32, 4, 0);
        HostTensor empty = HostTensor.allocate(DType.F32, 0, 4);
        HostTensor good = HostTensor.allocate(DType.F16, 4, 2)) {
      for (HostTensor wrong : List.of(vector, integers, narrow)) {
        assertThrows(
            InvalidTensorException.class, () -> PackedBatch.allocate(Layout.JOINT, wrong, 1));
      }
      assertThrows(
          InvalidArgumentException.class, () -> PackedBatch.allocate(Layout.JOINT, empty, 1));
      assertThrows(
          InvalidArgumentException.class, () -> PackedBatch.allocate(Layout.JOINT, good, 0));
      try (PackedBatch batch = PackedBatch.allocate(Layout.JOINT, good, 1)) {
        refuses(() -> batch.refill(good, 5), "1 to 4");
        refuses(() -> batch.refill(good, 0), "1 to 4");
      }
    }
  }

  @Test
  void whatACallUsesCannotBeClosedOrRefilled() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 2, 2);
        PackedBatch batch = PackedBatch.joint(hidden, Spans.ofRows(0, 1))) {
      batch.acquire();
      assertThrows(IllegalStateException.class, batch::close);
      assertThrows(IllegalStateException.class, hidden::close);
      assertThrows(IllegalStateException.class, () -> batch.refill(hidden));
      batch.acquire(); // many may read
      batch.release();
      batch.release();
      batch.refill(hidden);
    }
  }

  @Test
  void theConvenienceFormsCheckToo() {
    try (HostTensor hidden = HostTensor.allocate(DType.F32, 3, 2)) {
      refuses(() -> PackedBatch.joint(hidden, Spans.ofRows()), "no response");
      refuses(() -> PackedBatch.joint(hidden, Spans.ofRows(3)), "0 <= first <= last <= 2");
      refuses(() -> PackedBatch.ofVectors(hidden, 1, 1), "sum to 2");
      refuses(() -> PackedBatch.ofVectors(hidden, 3, 0), "a group size is 0");
      refuses(() -> PackedBatch.ofVectors(hidden, 4, -1), "a group size is -1");
      try (PackedBatch batch = PackedBatch.ofVectors(hidden, 2, 1)) {
        assertEquals(List.of(0L, 1L, 2L), rows(batch, false));
        assertEquals(2, batch.groupStart(1));
        assertEquals(Layout.INDEPENDENT, batch.layout());
      }
    }
  }

  @Test
  void afterCloseNothingWorks() {
    HostTensor hidden = HostTensor.allocate(DType.F32, 2, 2);
    PackedBatch batch = PackedBatch.joint(hidden, Spans.ofRows(1));
    hidden.close();
    assertThrows(IllegalStateException.class, batch::acquire);
    batch.close();
    batch.close();
    assertThrows(IllegalStateException.class, batch::acquire);
    assertThrows(IllegalStateException.class, () -> batch.groupStart(0));
  }

  private static List<Long> rows(PackedBatch batch, boolean first) {
    List<Long> rows = new ArrayList<>();
    for (int i = 0; i < batch.responses(); i++) {
      rows.add((first ? batch.first() : batch.last()).getAtIndex(ValueLayout.JAVA_LONG, i));
    }
    return rows;
  }

  private static void refuses(Runnable call, String expected) {
    InvalidArgumentException refused = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
