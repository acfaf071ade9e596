package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Pinned tensors, and scores, losses and training steps of tensors on a device, enqueued on a
 * stream: the bits of the same calls with tensors of the host. As {@link CudaTest} for the rest.
 */
@ExtendWith(NoLeaks.class)
class CudaDeviceTest {
  private static final int RESPONSES = 9;
  private static final int TOKENS = 12;
  private static final HeadSpec HEAD =
      HeadSpec.linear(8).outputWidth(6).outputBias(false).outputScale(1f / 16).build();
  private static final HeadSpec TWO_ROWS =
      HeadSpec.linear(16).outputBias(false).outputScale(1f / 16).build();
  private static final HeadSpec MLP =
      HeadSpec.mlp(8, 16).dtype(DType.BF16).activation(Activation.SILU).build();
  private static final long[] LAST = {0, 3, 11, -1, 5, 6, 7, 2, 9};
  private static final long[] GATE = {1, 4, 11, 0, -1, 8, 9, 10, 2};

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
        Batch tensors = new Batch(cuda, DType.F32);
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
            DeviceTensor.allocate(tensors.stream, DType.F32, RESPONSES, width)) {
          scored.score(tensors.onDevice, Pooling.index(), readout, scores, tensors.stream);
          assertArrayEquals(expected, tensors.read(scores), readout.toString());
        }
      }
      DeviceBatch without =
          new DeviceBatch(
              tensors.onDevice.hidden(), tensors.onDevice.first(), tensors.onDevice.last());
      try (DeviceTensor scores = DeviceTensor.allocate(tensors.stream, DType.F32, RESPONSES, 1)) {
        InvalidArgumentException refused =
            assertThrows(
                InvalidArgumentException.class,
                () ->
                    head.score(
                        without,
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
          assertEquals(expected.value(), read(onDevice.value(), stream)[0], loss.toString());
          assertArrayEquals(
              expected.gradient().toFloats(), read(onDevice.gradient(), stream), loss.toString());
          float[] items = read(onDevice.itemLoss(), stream);
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

  /** Twenty steps on a stream, waited for once, end at the bits of twenty steps from the host. */
  @Test
  void stepsOnAStreamGoAsThoseOfTheHost() {
    try (Context cuda = CudaTest.cuda();
        Batch tensors = new Batch(cuda, DType.BF16);
        HostTensor pairs = HostTensor.of(new long[] {0, 1, 2, 4, 5, 8}, 3, 2);
        RewardHead here = RewardHead.create(cuda, MLP, Init.normal(1, 3));
        RewardHead there = RewardHead.create(cuda, MLP, Init.normal(1, 3));
        Step step = Step.allocate(here, RESPONSES, 3, Step.Extra.VECTOR_GRADIENTS);
        Optimizer fromHost = Optimizer.create(here, AdamW.defaults().withLearningRate(0.01f));
        Optimizer onDevice = Optimizer.create(there, AdamW.defaults().withLearningRate(0.01f));
        HostTensor hiddenGradient = HostTensor.allocate(DType.F32, TOKENS, 8)) {
      Readout readout = Readout.sigmoid();
      Loss loss = Loss.bradleyTerry(pairs);
      Stream stream = tensors.stream;
      try (DeviceStep enqueued =
              DeviceStep.allocate(there, readout, RESPONSES, stream, Step.Extra.VECTOR_GRADIENTS);
          DeviceLoss uploaded = DeviceLoss.upload(loss, RESPONSES, 1, stream);
          DeviceTensor hidden = DeviceTensor.allocate(stream, DType.F32, TOKENS, 8)) {
        hidden.copyFrom(hiddenGradient, stream);
        for (int k = 0; k < 20; k++) {
          enqueued.forward(tensors.onDevice, Pooling.index(), uploaded);
          enqueued.backward(uploaded.gradient(), Step.Accumulation.REPLACE);
          enqueued.backward(uploaded.gradient(), Step.Accumulation.ADD);
          enqueued.scatter(hidden);
          onDevice.step(enqueued);
          step.forward(tensors.batch, Pooling.index(), readout, loss);
          step.backward();
          step.backward(Step.Accumulation.ADD);
          step.scatter(hiddenGradient);
          fromHost.step(step.gradients());
        }
        assertThrows(
            IllegalStateException.class,
            () -> enqueued.backward(uploaded.gradient(), Step.Accumulation.REPLACE),
            "the parameters are others now");
        assertEquals(step.loss().value(), read(uploaded.value(), stream)[0]);
        assertArrayEquals(step.scores().toArray(), read(enqueued.scores(), stream));
        assertArrayEquals(hiddenGradient.toFloats(), read(hidden, stream));
        for (HeadSpec.Parameter parameter : MLP.parameters()) {
          String name = parameter.name();
          assertArrayEquals(
              step.gradients().get(name).toFloats(),
              read(enqueued.gradient(name), stream),
              "gradient of " + name);
          try (HostTensor expected = here.parameter(name);
              HostTensor actual = there.parameter(name)) {
            assertArrayEquals(expected.toFloats(), actual.toFloats(), name);
          }
        }
        assertEquals(20, onDevice.stepCount());
      }
      // What the device finds is thrown by the next wait, and changes nothing.
      try (DeviceStep enqueued = DeviceStep.allocate(there, readout, RESPONSES, stream);
          DeviceTensor gradient = DeviceTensor.allocate(stream, DType.F32, RESPONSES, 1);
          HostTensor nan = HostTensor.allocate(DType.F32, RESPONSES, 1)) {
        nan.setFloat(0, Float.NaN);
        gradient.copyFrom(nan, stream);
        enqueued.forward(tensors.onDevice, Pooling.index());
        assertThrows(IllegalStateException.class, enqueued::vectorGradients);
        enqueued.backward(gradient, Step.Accumulation.REPLACE);
        onDevice.step(enqueued);
        assertThrows(InvalidArgumentException.class, stream::synchronize);
        assertEquals(20, onDevice.stepCount());
      }
    }
  }

  /** What a step on a stream does not do, and what does not fit it. */
  @Test
  void stepsRefuseWhatDoesNotFit() {
    try (Context cuda = CudaTest.cuda();
        Batch tensors = new Batch(cuda, DType.F32);
        RewardHead head = head(cuda, HEAD);
        RewardHead gate = head(cuda, HEAD);
        RewardHead other = head(cuda, HeadSpec.linear(8).build());
        RewardHead wide = head(cuda, HeadSpec.linear(1024).build());
        Optimizer ofOther = Optimizer.create(other, AdamW.defaults())) {
      Stream stream = tensors.stream;
      Readout gated = Readout.linearGate(gate, 1);
      assertThrows(
          UnsupportedException.class, () -> DeviceStep.allocate(head, gated, RESPONSES, stream));
      assertThrows(
          InvalidArgumentException.class,
          () -> DeviceStep.allocate(head, Readout.identity(), 0, stream));
      // The vectors' gradients are more than any device has; what was made before them is given
      // back.
      long held = cuda.memory().held();
      assertThrows(
          OutOfDeviceMemoryException.class,
          () ->
              DeviceStep.allocate(
                  wide,
                  Readout.identity(),
                  Integer.MAX_VALUE,
                  stream,
                  Step.Extra.VECTOR_GRADIENTS));
      stream.synchronize();
      assertEquals(held, cuda.memory().held());
      try (DeviceStep step = DeviceStep.allocate(head, Readout.identity(), 4, stream)) {
        assertThrows(
            IllegalStateException.class,
            () -> step.backward(step.scores(), Step.Accumulation.REPLACE));
        assertThrows(
            InvalidArgumentException.class,
            () -> step.forward(tensors.onDevice, Pooling.index()),
            "the batch has 9 responses");
        assertThrows(InvalidArgumentException.class, () -> ofOther.step(step));
      }
    }
  }

  /** The same batch on the host and on a device. */
  private static final class Batch implements AutoCloseable {
    final Stream stream;
    final HostTensor hidden;
    final PackedBatch batch;
    final DeviceBatch onDevice;
    private final List<DeviceTensor> tensors;

    Batch(Context cuda, DType dtype) {
      stream = Stream.open(cuda);
      hidden = CudaTest.wholeNumbers(dtype, TOKENS, 8);
      batch = PackedBatch.allocate(Layout.JOINT, hidden, RESPONSES);
      batch.group().sequence(TOKENS);
      for (long row : LAST) {
        batch.response(row, row);
      }
      batch.gateRows(GATE).seal();
      tensors =
          List.of(
              DeviceTensor.allocate(stream, dtype, TOKENS, 8),
              DeviceTensor.allocate(stream, DType.I64, RESPONSES),
              DeviceTensor.allocate(stream, DType.I64, RESPONSES));
      tensors.get(0).copyFrom(hidden, stream);
      try (HostTensor last = HostTensor.of(LAST, RESPONSES);
          HostTensor gate = HostTensor.of(GATE, RESPONSES)) {
        tensors.get(1).copyFrom(last, stream);
        tensors.get(2).copyFrom(gate, stream);
        stream.synchronize();
      }
      onDevice =
          new DeviceBatch(tensors.get(0), Optional.empty(), tensors.get(1))
              .withGate(tensors.get(2));
    }

    float[] read(DeviceTensor tensor) {
      return CudaDeviceTest.read(tensor, stream);
    }

    @Override
    public void close() {
      batch.close();
      tensors.forEach(DeviceTensor::close);
      stream.close();
      hidden.close();
    }
  }

  private static float[] read(DeviceTensor tensor, Stream stream) {
    try (HostTensor host = HostTensor.allocate(tensor.dtype(), tensor.shape())) {
      tensor.copyTo(host, stream);
      stream.synchronize();
      return host.toFloats();
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
