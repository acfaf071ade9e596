package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Pinned tensors, and scores and losses of tensors on a device, enqueued on a stream: the bits of
 * the same calls with tensors of the host. As {@link CudaTest} for the rest.
 */
@ExtendWith(NoLeaks.class)
class CudaDeviceTest {
  private static final HeadSpec HEAD =
      HeadSpec.linear(8).outputWidth(6).outputBias(false).outputScale(1f / 16).build();
  private static final HeadSpec TWO_ROWS =
      HeadSpec.linear(16).outputBias(false).outputScale(1f / 16).build();

  @Test
  void pinnedMemoryIsCopiedAndCounted() {
    try (Context cuda = CudaTest.cuda();
        Context cpu = Context.open();
        Stream stream = Stream.open(cuda)) {
      long before = cuda.memory().held();
      HostTensor pinned = HostTensor.allocatePinned(cuda, DType.F32, 5, 7);
      assertEquals(before + 140, cuda.memory().held());
      assertArrayEquals(new float[35], pinned.toFloats());
      pinned.setFloats(ramp(35));
      try (HostTensor back = HostTensor.allocatePinned(cuda, DType.F32, 5, 7);
          DeviceTensor there = DeviceTensor.allocate(stream, DType.F32, 5, 7)) {
        there.copyFrom(pinned, stream);
        there.copyTo(back, stream);
        assertThrows(IllegalStateException.class, pinned::close, "a copy may still read it");
        stream.synchronize();
        assertArrayEquals(ramp(35), back.toFloats());
      }
      // Calls on the CPU read it as any other memory.
      try (RewardHead head = head(cpu, HeadSpec.linear(7).outputBias(false).build());
          PackedBatch batch = PackedBatch.ofVectors(pinned, 5)) {
        assertEquals(5, head.score(batch, Pooling.index(), Readout.identity()).length);
      }
      MemorySegment segment = pinned.segment();
      pinned.close();
      pinned.close();
      assertEquals(before, cuda.memory().held());
      assertThrows(IllegalStateException.class, () -> segment.fill((byte) 0));
      assertThrows(IllegalStateException.class, () -> pinned.floatAt(0));
      UnsupportedException refused =
          assertThrows(
              UnsupportedException.class, () -> HostTensor.allocatePinned(cpu, DType.F32, 5, 7));
      assertTrue(String.valueOf(refused.getMessage()).contains("CPU"), refused.getMessage());
      assertThrows(
          InvalidTensorException.class, () -> HostTensor.allocatePinned(cuda, DType.F32, -1));
    }
  }

  /** Every readout, those with lists of numbers and with gates among them. */
  @Test
  void everyReadoutIsScoredOnAStream() {
    try (Context cuda = CudaTest.cuda();
        CudaBatch tensors = new CudaBatch(cuda, DType.F32);
        RewardHead head = head(cuda, HEAD);
        RewardHead one = head(cuda, HeadSpec.linear(8).outputBias(false).build());
        RewardHead gate = head(cuda, HEAD);
        RewardHead twoRows = head(cuda, TWO_ROWS)) {
      List<Readout> readouts =
          List.of(
              Readout.identity(),
              Readout.affine(0.5f, 2),
              Readout.classProb(1, 3),
              Readout.expectation(1, 2, 3),
              Readout.quantileMean(2),
              Readout.weightedSum(0.5f, -1, 2, 0.25f, 1, 3),
              Readout.softmaxGate(gate, 2, 1.5f),
              Readout.linearGate(gate, 0.5f),
              Readout.twoStreamGate(twoRows));
      for (Readout readout : readouts) {
        boolean two = readout instanceof Readout.GatedSum gated && gated.twoStreams();
        RewardHead scored = two ? one : head;
        float[] expected = scored.score(tensors.batch, Pooling.index(), readout);
        int width = readout.scores(scored.spec().outputWidth());
        try (DeviceTensor scores =
            DeviceTensor.allocate(tensors.stream, DType.F32, CudaBatch.RESPONSES, width)) {
          scored.score(tensors.onDevice, Pooling.index(), readout, scores, tensors.stream);
          assertArrayEquals(expected, tensors.read(scores), readout.toString());
        }
      }
      try (DeviceTensor scores =
          DeviceTensor.allocate(tensors.stream, DType.F32, CudaBatch.RESPONSES, 1)) {
        InvalidArgumentException refused =
            assertThrows(
                InvalidArgumentException.class,
                () ->
                    head.score(
                        tensors.withoutGate(),
                        Pooling.index(),
                        Readout.linearGate(gate, 0.5f),
                        scores,
                        tensors.stream));
        assertTrue(String.valueOf(refused.getMessage()).contains("withGate"), refused.getMessage());
      }
    }
  }

  /** Every loss, of scores on the device, and in a score call. */
  @Test
  void everyLossRunsOnAStream() {
    float[] values = {1.5f, -0.25f, 3, 0.125f, -2, 0.75f, 1, -1};
    try (Context cuda = CudaTest.cuda();
        Stream stream = Stream.open(cuda);
        HostTensor scores = HostTensor.of(values, 8);
        LossResult expected = LossResult.allocate(8, 8);
        EveryLoss losses = new EveryLoss();
        DeviceTensor there = DeviceTensor.allocate(stream, DType.F32, 8)) {
      there.copyFrom(scores, stream);
      for (Loss loss : losses.all) {
        loss.evaluate(cuda, scores, expected);
        try (DeviceLoss onDevice = DeviceLoss.upload(loss, 8, 1, stream)) {
          onDevice.evaluate(there);
          assertEquals(
              expected.value(), CudaBatch.read(onDevice.value(), stream)[0], loss.toString());
          assertArrayEquals(
              expected.gradient().toFloats(),
              CudaBatch.read(onDevice.gradient(), stream),
              loss.toString());
          float[] items = CudaBatch.read(onDevice.itemLoss(), stream);
          for (int item = 0; item < expected.items(); item++) {
            assertEquals(expected.item(item), items[item], loss + ", item " + item);
          }
          try (HostTensor counts = HostTensor.allocate(DType.I64, 2)) {
            onDevice.counts().copyTo(counts, stream);
            stream.synchronize();
            assertEquals(expected.validItems(), counts.longAt(0), loss.toString());
            assertEquals(expected.skippedItems(), counts.longAt(1), loss.toString());
          }
        }
      }
    }
  }

  private static float[] ramp(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i / 4f;
    }
    return values;
  }

  private static RewardHead head(Context context, HeadSpec spec) {
    try (HostTensor weight =
        CudaTest.wholeNumbers(DType.F32, spec.outputWidth(), spec.inputWidth())) {
      return spec.parameters().size() == 1
          ? RewardHead.create(context, spec, Map.of("output.weight", weight))
          : RewardHead.create(context, spec, Init.normal(1, 3));
    }
  }
}
