package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The same calls on a CUDA context as on the CPU, with tensors of the host. The build names the
 * emulated CUDA library in the environment; without it, or a GPU, these tests are skipped.
 */
@ExtendWith(NoLeaks.class)
class CudaTest {
  private static final HeadSpec SPEC =
      HeadSpec.mlp(12, 8)
          .dtype(DType.BF16)
          .activation(Activation.RELU)
          .hiddenBias(false)
          .outputBias(false)
          .build();

  /** Small whole numbers: nothing is rounded, so both give the same bits. */
  @Test
  void scoresOfWholeNumbersAreTheCpus() {
    try (Context cuda = cuda();
        Context cpu = Context.open();
        HostTensor hidden = wholeNumbers(DType.BF16, 30, 12);
        PackedBatch batch =
            PackedBatch.joint(
                hidden, Spans.of(new int[] {0, -1, 4, 7, 20}, new int[] {2, -1, 4, 10, 29}));
        RewardHead there = head(cuda);
        RewardHead here = head(cpu);
        ScoreBatch found =
            ScoreBatch.allocate(
                SPEC, 8, ScoreBatch.Extra.LOGITS, ScoreBatch.Extra.PREACTIVATIONS)) {
      for (Pooling pooling : List.of(Pooling.index(), Pooling.firstLast(Pooling.Combine.ADD))) {
        there.score(batch, pooling, Readout.identity(), found);
        assertArrayEquals(here.score(batch, pooling, Readout.identity()), found.toArray());
        assertEquals(1, found.invalidResponses());
        assertEquals(0, found.nanResponses());
        assertArrayEquals(found.toArray(), found.logits().toFloats());
        // The same score batch serves a head on the CPU: nothing of the device is left in it.
        here.score(batch, pooling, Readout.identity(), found);
        assertArrayEquals(found.toArray(), found.logits().toFloats());
      }
    }
  }

  /** Forward, loss, backward, step: the parameters stay the CPU's while everything is exact. */
  @Test
  void trainingGoesTheSameWay() {
    HeadSpec spec = HeadSpec.linear(6).outputBias(false).build();
    float[][] weights = new float[2][];
    double[] losses = new double[2];
    try (Context cuda = cuda();
        Context cpu = Context.open();
        HostTensor hidden = wholeNumbers(DType.F32, 8, 6);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 8);
        HostTensor pairs = HostTensor.of(new long[] {0, 1, 2, 3, 4, 7}, 3, 2)) {
      List<Context> contexts = List.of(cuda, cpu);
      for (int i = 0; i < 2; i++) {
        try (RewardHead head = RewardHead.create(contexts.get(i), spec, Init.normal(1, 3));
            Step step = Step.allocate(head, 8, 3, Step.Extra.VECTOR_GRADIENTS);
            Optimizer optimizer = Optimizer.create(head, AdamW.defaults().withLearningRate(0.1f));
            HostTensor hiddenGradient = HostTensor.allocate(DType.F32, 8, 6)) {
          for (int k = 0; k < 20; k++) {
            step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(pairs));
            step.backward();
            optimizer.step(step.gradients());
          }
          losses[i] = step.loss().value();
          assertEquals(20, optimizer.stepCount());
          step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(pairs));
          step.backward();
          step.backward(Step.Accumulation.ADD);
          step.scatter(hiddenGradient);
          step.scatter(hiddenGradient);
          for (int e = 0; e < 48; e++) {
            assertEquals(
                2 * step.vectorGradients().floatAt(e), hiddenGradient.floatAt(e), "element " + e);
          }
          try (HostTensor weight = head.parameter("output.weight")) {
            weights[i] = weight.toFloats();
          }
        }
      }
      assertTrue(losses[0] < 0.1, "the loss falls: " + losses[0]);
      // Sums of 8 terms in another order, through 20 steps.
      assertArrayEquals(weights[1], weights[0], 1e-4f);
    }
  }

  /** Every loss, alone, has the CPU's bits. */
  @Test
  void lossesHaveTheBitsOfTheCpu() {
    try (Context cuda = cuda();
        Context cpu = Context.open();
        EveryLoss losses = new EveryLoss();
        HostTensor scores =
            HostTensor.of(new float[] {1.5f, -0.25f, 3, 0.125f, -2, 0.75f, 1, -1}, 8);
        LossResult there = LossResult.allocate(8, 8);
        LossResult here = LossResult.allocate(8, 8)) {
      for (Loss loss : losses.all) {
        loss.evaluate(cuda, scores, there);
        loss.evaluate(cpu, scores, here);
        assertEquals(here.value(), there.value(), loss.toString());
        assertArrayEquals(here.gradient().toFloats(), there.gradient().toFloats(), loss.toString());
        for (int item = 0; item < here.items(); item++) {
          assertEquals(here.item(item), there.item(item), loss + ", item " + item);
        }
        assertEquals(here.validItems(), there.validItems(), loss.toString());
      }
    }
  }

  /** Every loss in a score call, and its backward. */
  @Test
  void everyLossTrains() {
    HeadSpec spec = HeadSpec.linear(6).outputBias(false).build();
    try (Context cuda = cuda();
        Context cpu = Context.open();
        EveryLoss losses = new EveryLoss();
        HostTensor hidden = wholeNumbers(DType.F32, 8, 6);
        HostTensor weight = wholeNumbers(DType.F32, 1, 6);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 8);
        RewardHead there = RewardHead.create(cuda, spec, Map.of("output.weight", weight));
        RewardHead here = RewardHead.create(cpu, spec, Map.of("output.weight", weight));
        Step onDevice = Step.allocate(there, 8, 8, Step.Extra.VECTOR_GRADIENTS);
        Step onHost = Step.allocate(here, 8, 8, Step.Extra.VECTOR_GRADIENTS)) {
      for (Loss loss : losses.all) {
        for (Step step : List.of(onDevice, onHost)) {
          step.forward(batch, Pooling.index(), Readout.identity(), loss);
          step.backward();
        }
        assertEquals(onHost.loss().value(), onDevice.loss().value(), loss.toString());
        assertArrayEquals(
            onHost.loss().gradient().toFloats(),
            onDevice.loss().gradient().toFloats(),
            loss.toString());
        // One product each.
        assertArrayEquals(
            onHost.vectorGradients().toFloats(),
            onDevice.vectorGradients().toFloats(),
            loss.toString());
      }
    }
  }

  /** What only the device sees is thrown by the call it concerns, and by no later one. */
  @Test
  void faultsComeWithTheirCall() {
    HeadSpec spec = HeadSpec.linear(6).outputBias(false).build();
    try (Context cuda = cuda();
        RewardHead head = RewardHead.create(cuda, spec, Init.normal(1, 3));
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults());
        Gradients gradients = Gradients.zeros(spec)) {
      gradients.get("output.weight").setFloat(2, Float.NaN);
      InvalidArgumentException refused =
          assertThrows(InvalidArgumentException.class, () -> optimizer.step(gradients));
      assertTrue(String.valueOf(refused.getMessage()).contains("element 2"), refused.getMessage());
      assertEquals(0, optimizer.stepCount());
      gradients.get("output.weight").setFloat(2, 1);
      optimizer.step(gradients);
      assertEquals(1, optimizer.stepCount());
    }
  }

  @Test
  void manyThreadsScoreAtOnce() throws Exception {
    try (Context cuda = cuda();
        HostTensor hidden = wholeNumbers(DType.BF16, 10, 12);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 10);
        RewardHead head = head(cuda);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      float[] expected = head.score(batch, Pooling.index(), Readout.identity());
      Callable<float[]> call = () -> head.score(batch, Pooling.index(), Readout.identity());
      List<Future<float[]>> found =
          threads.invokeAll(IntStream.range(0, 24).mapToObj(i -> call).toList());
      for (Future<float[]> scores : found) {
        assertArrayEquals(expected, scores.get());
      }
    }
  }

  /** Everything on the device: copies and scores are enqueued, and there after synchronize. */
  @Test
  void deviceTensorsAreScoredOnAStream() {
    try (Context cuda = cuda();
        HostTensor hidden = wholeNumbers(DType.BF16, 10, 12);
        HostTensor last = HostTensor.of(new long[] {3, 9, -1, 0}, 4);
        HostTensor scores = HostTensor.allocate(DType.F32, 4, 1);
        PackedBatch batch =
            PackedBatch.joint(hidden, Spans.of(new int[] {3, 9, -1, 0}, new int[] {3, 9, -1, 0}));
        RewardHead head = head(cuda);
        Stream stream = Stream.open(cuda);
        Stream other = Stream.open(cuda);
        DeviceTensor there = DeviceTensor.allocate(stream, DType.BF16, 10, 12);
        DeviceTensor rows = DeviceTensor.allocate(stream, DType.I64, 4);
        DeviceTensor results = DeviceTensor.allocate(stream, DType.F32, 4, 1);
        DeviceTensor view = DeviceTensor.wrap(cuda, DType.BF16, there.address(), 10, 12)) {
      there.copyFrom(hidden, stream);
      rows.copyFrom(last, stream);
      assertThrows(IllegalStateException.class, hidden::close, "a copy may still read it");
      DeviceBatch onDevice = new DeviceBatch(view, Optional.empty(), rows);
      head.score(onDevice, Pooling.index(), Readout.identity(), results, stream);
      other.waitFor(stream);
      results.copyTo(scores, other);
      other.synchronize();
      assertArrayEquals(head.score(batch, Pooling.index(), Readout.identity()), scores.toFloats());

      last.setLong(1, 77);
      rows.copyFrom(last, stream);
      head.score(onDevice, Pooling.index(), Readout.identity(), results, stream);
      InvalidArgumentException fault =
          assertThrows(InvalidArgumentException.class, stream::synchronize);
      assertTrue(String.valueOf(fault.getMessage()).contains("77"), fault.getMessage());
      stream.synchronize();
      assertThrows(InvalidTensorException.class, () -> there.copyFrom(last, stream));
      try (DeviceTensor wrong =
          DeviceTensor.wrap(cuda, DType.BF16, hidden.segment().address(), 10, 12)) {
        DeviceBatch notThere = new DeviceBatch(wrong, Optional.empty(), rows);
        InvalidArgumentException refused =
            assertThrows(
                InvalidArgumentException.class,
                () -> head.score(notThere, Pooling.index(), Readout.identity(), results, stream));
        assertTrue(
            String.valueOf(refused.getMessage()).contains("args.hidden"), refused.getMessage());
      }
    }
  }

  @Test
  void deviceTensorsAreCopiedOnTheirDevice() {
    try (Context cuda = cuda();
        Stream stream = Stream.open(cuda);
        HostTensor from = wholeNumbers(DType.BF16, 3, 12);
        HostTensor to = HostTensor.allocate(DType.BF16, 3, 12);
        DeviceTensor first = DeviceTensor.allocate(stream, DType.BF16, 3, 12);
        DeviceTensor second = DeviceTensor.allocate(stream, DType.BF16, 3, 12);
        DeviceTensor other = DeviceTensor.allocate(stream, DType.BF16, 12, 3)) {
      first.copyFrom(from, stream);
      second.copyFrom(first, stream);
      second.copyTo(to, stream);
      stream.synchronize();
      assertArrayEquals(from.toFloats(), to.toFloats());
      assertThrows(InvalidTensorException.class, () -> other.copyFrom(first, stream));
      assertThrows(InvalidArgumentException.class, () -> first.copyFrom(first, stream));
    }
  }

  @Test
  void productsOverRegistersAreEnqueued() {
    try (Context cuda = cuda();
        Stream stream = Stream.open(cuda)) {
      assertEquals(0, stream.registerProducts(DType.BF16, 0));
      long round = stream.registerProducts(DType.BF16, 1);
      assertTrue(round > 0, () -> "a round is " + round);
      assertEquals(2 * round, stream.registerProducts(DType.BF16, 2));
      stream.synchronize();
      assertThrows(InvalidArgumentException.class, () -> cuda.registerProducts(DType.F32, 1));
    }
  }

  @Test
  void scoresCompleteAFuture() {
    try (Context cuda = cuda();
        HostTensor hidden = wholeNumbers(DType.BF16, 10, 12);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 10);
        RewardHead head = head(cuda)) {
      assertArrayEquals(
          head.score(batch, Pooling.index(), Readout.identity()),
          head.scoreAsync(batch, Pooling.index(), Readout.identity()).join());
      CompletionException failed =
          assertThrows(
              CompletionException.class,
              () ->
                  head.scoreAsync(
                          batch, Pooling.firstLast(Pooling.Combine.CONCAT), Readout.identity())
                      .join());
      assertTrue(failed.getCause() instanceof InvalidTensorException, failed.toString());
    }
  }

  @Test
  void contextsSayWhatTheyAre() {
    try (Context cuda = cuda();
        Context fast =
            Context.open(
                Context.Options.defaults()
                    .withDevice(Device.cuda(0))
                    .withMode(Context.Mode.FAST))) {
      assertEquals(Device.cuda(0), cuda.info().device());
      assertEquals(Context.Mode.INVARIANT, cuda.info().mode());
      assertEquals(Context.Mode.FAST, fast.info().mode());
      assertTrue(cuda.info().computeCapability() >= 80, cuda.info().toString());
      assertTrue(cuda.info().memoryBytes() > 0, cuda.info().toString());
      assertTrue(cuda.info().detail().contains("driver"), cuda.info().detail());
      Context.Memory before = cuda.memory();
      assertEquals(cuda.info().memoryBytes(), before.bytes());
      assertTrue(before.free() > 0 && before.free() <= before.bytes(), before.toString());
      try (Stream stream = Stream.open(cuda);
          DeviceTensor _ = DeviceTensor.allocate(stream, DType.F32, 1000)) {
        assertTrue(cuda.memory().held() >= before.held() + 4000, cuda.memory().toString());
      }
      assertTrue(Diagnostics.collect().report().contains("device cuda:0"));
    }
    Context.Options fastCpu = Context.Options.defaults().withMode(Context.Mode.FAST);
    assertThrows(InvalidArgumentException.class, () -> Context.open(fastCpu));
  }

  static Context cuda() {
    try {
      return Context.open(Context.Options.defaults().withDevice(Device.cuda(0)));
    } catch (DeviceUnavailableException e) {
      return abort("no CUDA device, emulated or real: " + e.getMessage());
    }
  }

  private static RewardHead head(Context context) {
    HostTensor hidden = wholeNumbers(DType.BF16, 8, 12);
    HostTensor output = wholeNumbers(DType.BF16, 1, 8);
    try (hidden;
        output) {
      return RewardHead.create(
          context, SPEC, Map.of("hidden.0.weight", hidden, "output.weight", output));
    }
  }

  static HostTensor wholeNumbers(DType dtype, long rows, long columns) {
    HostTensor tensor = HostTensor.allocate(dtype, rows, columns);
    Random random = new Random(rows * 31 + columns);
    for (long i = 0; i < tensor.elementCount(); i++) {
      tensor.setFloat(i, random.nextInt(-2, 3));
    }
    return tensor;
  }
}
