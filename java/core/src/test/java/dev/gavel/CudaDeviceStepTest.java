package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;

/**
 * Training steps of tensors on a device, enqueued on a stream, with a gate and without: the bits of
 * the same steps with tensors of the host. As {@link CudaTest} for the rest.
 */
@ExtendWith(NoLeaks.class)
class CudaDeviceStepTest {
  private static final int RESPONSES = CudaBatch.RESPONSES;
  private static final int STEPS = 6;
  private static final HeadSpec MLP =
      HeadSpec.mlp(8, 16).dtype(DType.BF16).activation(Activation.SILU).build();
  private static final HeadSpec OBJECTIVES =
      HeadSpec.mlp(8, 16).outputWidth(6).dtype(DType.BF16).activation(Activation.SILU).build();
  private static final HeadSpec GATE =
      HeadSpec.mlp(8, 12).outputWidth(3).activation(Activation.TANH).build();
  private static final HeadSpec LINEAR_GATE = HeadSpec.linear(8).outputWidth(3).build();
  private static final HeadSpec TWO_ROWS =
      HeadSpec.mlp(16, 12).dtype(DType.BF16).activation(Activation.SILU).build();
  private static final float[] MATRIX = {1, 0, -0.5f, 0.25f, 1, 0, 0, 0.5f, 2};

  /** The readout of step k. */
  private interface Reads {
    Readout at(RewardHead gate, int step);
  }

  @Test
  void stepsGoAsThoseOfTheHost() {
    check(MLP, GATE, (gate, k) -> Readout.sigmoid());
  }

  /** Its scale is another one in every step, as a caller's that trains it. */
  @Test
  void aSoftmaxGateIsTrained() {
    check(
        OBJECTIVES,
        GATE,
        (gate, k) ->
            Readout.softmaxGate(gate, 2, 1 + k / 16f)
                .objectives(Readout.expectation(-1, 1))
                .transform(MATRIX));
  }

  @Test
  void aLinearGateIsTrained() {
    check(
        OBJECTIVES,
        LINEAR_GATE,
        (gate, k) -> Readout.linearGate(gate, 0.5f).objectives(Readout.quantileMean(2)));
  }

  @Test
  void aGateOverTwoStreamsIsTrained() {
    check(MLP, TWO_ROWS, (gate, k) -> Readout.twoStreamGate(gate));
  }

  /** Steps on a stream, waited for once, end at the bits of the same steps from the host. */
  private static void check(HeadSpec spec, HeadSpec gateSpec, Reads reads) {
    try (Context cuda = CudaTest.cuda();
        CudaBatch tensors = new CudaBatch(cuda, DType.BF16);
        HostTensor pairs = HostTensor.of(new long[] {0, 1, 2, 5, 6, 8}, 3, 2);
        Trained here = new Trained(cuda, spec, gateSpec);
        Trained there = new Trained(cuda, spec, gateSpec);
        HostTensor hiddenGradient = HostTensor.allocate(DType.F32, CudaBatch.TOKENS, 8);
        DeviceTensor hidden =
            DeviceTensor.allocate(tensors.stream, DType.F32, CudaBatch.TOKENS, 8)) {
      hidden.copyFrom(hiddenGradient, tensors.stream);
      Readout first = reads.at(here.gate, 0);
      boolean gated = first instanceof Readout.GatedSum;
      Step.Extra[] extras =
          gated ? Step.Extra.values() : new Step.Extra[] {Step.Extra.VECTOR_GRADIENTS};
      Loss loss = Loss.bradleyTerry(pairs);
      try (Step step = Step.allocate(here.head, first, RESPONSES, 3, extras);
          DeviceStep enqueued =
              DeviceStep.allocate(
                  there.head, reads.at(there.gate, 0), RESPONSES, tensors.stream, extras);
          DeviceLoss uploaded = DeviceLoss.upload(loss, RESPONSES, 1, tensors.stream)) {
        for (int k = 0; k < STEPS; k++) {
          enqueued.forward(tensors.onDevice, Pooling.index(), reads.at(there.gate, k), uploaded);
          enqueued.backward(uploaded.gradient(), Step.Accumulation.REPLACE);
          enqueued.backward(uploaded.gradient(), Step.Accumulation.ADD);
          enqueued.scatter(hidden);
          step.forward(tensors.batch, Pooling.index(), reads.at(here.gate, k), loss);
          step.backward();
          step.backward(Step.Accumulation.ADD);
          step.scatter(hiddenGradient);
          if (gated) {
            enqueued.scatterGate(hidden);
            step.scatterGate(hiddenGradient);
            there.gateOptimizer.step(enqueued.gateGradients());
            here.gateOptimizer.step(step.gateGradients());
            outdated(() -> enqueued.backward(uploaded.gradient(), Step.Accumulation.REPLACE));
          }
          there.optimizer.step(enqueued.gradients());
          here.optimizer.step(step.gradients());
        }
        outdated(() -> enqueued.backward(uploaded.gradient(), Step.Accumulation.REPLACE));
        assertEquals(step.loss().value(), tensors.read(uploaded.value())[0]);
        assertArrayEquals(step.scores().toArray(), tensors.read(enqueued.scores()));
        assertArrayEquals(hiddenGradient.toFloats(), tensors.read(hidden));
        same(tensors, step.gradients(), enqueued.gradients());
        if (gated) {
          same(tensors, step.gateGradients(), enqueued.gateGradients());
          checkScale(tensors, step, enqueued, first);
        }
        there.sameAs(here, gated);
      }
    }
  }

  private static void checkScale(
      CudaBatch tensors, Step step, DeviceStep enqueued, Readout readout) {
    if (((Readout.GatedSum) readout).twoStreams()) {
      assertThrows(IllegalStateException.class, enqueued::gateScaleGradient);
      return;
    }
    float expected = step.gateScaleGradient();
    assertEquals(expected, tensors.read(enqueued.gateScaleGradient())[0]);
    assertTrue(expected != 0, "a scale that changes nothing shows nothing");
  }

  private static void same(CudaBatch tensors, Gradients expected, DeviceGradients actual) {
    assertEquals(expected.spec(), actual.spec());
    for (HeadSpec.Parameter parameter : expected.spec().parameters()) {
      String name = parameter.name();
      float[] values = expected.get(name).toFloats();
      assertArrayEquals(values, tensors.read(actual.get(name)), "gradient of " + name);
      assertFalse(Arrays.equals(values, new float[values.length]), "no gradient of " + name);
    }
  }

  private static void outdated(Executable call) {
    assertThrows(IllegalStateException.class, call, "the parameters are others now");
  }

  /** What the device finds is thrown by the next wait, and changes nothing. */
  @Test
  void aGradientThatIsNotFiniteChangesNothing() {
    try (Context cuda = CudaTest.cuda();
        CudaBatch tensors = new CudaBatch(cuda, DType.BF16);
        Trained there = new Trained(cuda, OBJECTIVES, LINEAR_GATE);
        Trained before = new Trained(cuda, OBJECTIVES, LINEAR_GATE);
        DeviceTensor gradient = DeviceTensor.allocate(tensors.stream, DType.F32, RESPONSES, 1);
        HostTensor nan = HostTensor.allocate(DType.F32, RESPONSES, 1)) {
      Readout readout = Readout.linearGate(there.gate, 1).objectives(Readout.quantileMean(2));
      try (DeviceStep step = DeviceStep.allocate(there.head, readout, RESPONSES, tensors.stream)) {
        nan.setFloat(0, Float.NaN);
        gradient.copyFrom(nan, tensors.stream);
        step.forward(tensors.onDevice, Pooling.index(), readout);
        step.backward(gradient, Step.Accumulation.REPLACE);
        there.optimizer.step(step.gradients());
        assertThrows(InvalidArgumentException.class, tensors.stream::synchronize);
        there.gateOptimizer.step(step.gateGradients());
        assertThrows(InvalidArgumentException.class, tensors.stream::synchronize);
        there.sameAs(before, true);
      }
    }
  }

  /** What does not fit a step on a stream. */
  @Test
  void stepsRefuseWhatDoesNotFit() {
    try (Context cuda = CudaTest.cuda();
        CudaBatch tensors = new CudaBatch(cuda, DType.F32);
        RewardHead head = head(cuda, LINEAR_GATE);
        RewardHead other = head(cuda, HeadSpec.linear(8).build());
        RewardHead wide = head(cuda, HeadSpec.linear(1024).build());
        Optimizer ofOther = Optimizer.create(other, AdamW.defaults())) {
      Stream stream = tensors.stream;
      Readout identity = Readout.identity();
      assertThrows(
          InvalidArgumentException.class, () -> DeviceStep.allocate(head, identity, 0, stream));
      assertThrows(
          InvalidArgumentException.class,
          () ->
              DeviceStep.allocate(
                  head, identity, RESPONSES, stream, Step.Extra.GATE_VECTOR_GRADIENTS));
      // The vectors' gradients are more than any device has; what was made before them is given
      // back.
      long held = cuda.memory().held();
      assertThrows(
          OutOfDeviceMemoryException.class,
          () ->
              DeviceStep.allocate(
                  wide, identity, Integer.MAX_VALUE, stream, Step.Extra.VECTOR_GRADIENTS));
      stream.synchronize();
      assertEquals(held, cuda.memory().held());
      try (DeviceStep step = DeviceStep.allocate(head, identity, 4, stream)) {
        outdated(() -> step.backward(step.scores(), Step.Accumulation.REPLACE));
        assertThrows(
            InvalidArgumentException.class,
            () -> step.forward(tensors.onDevice, Pooling.index(), identity),
            "the batch has 9 responses");
        assertThrows(
            InvalidArgumentException.class,
            () -> step.forward(tensors.onDevice, Pooling.index(), Readout.quantileMean(3)),
            "one score each, not three");
        assertThrows(InvalidArgumentException.class, () -> ofOther.step(step.gradients()));
        assertThrows(IllegalStateException.class, step::gateGradients);
      }
    }
  }

  /** What does not fit a step with a gate. */
  @Test
  void stepsWithAGateRefuseWhatDoesNotFit() {
    try (Context cuda = CudaTest.cuda();
        CudaBatch tensors = new CudaBatch(cuda, DType.F32);
        RewardHead head = head(cuda, LINEAR_GATE);
        RewardHead other = head(cuda, LINEAR_GATE);
        DeviceTensor hidden =
            DeviceTensor.allocate(tensors.stream, DType.F32, CudaBatch.TOKENS, 8)) {
      RewardHead gate = head(cuda, LINEAR_GATE);
      Readout gated = Readout.linearGate(gate, 1);
      try (DeviceStep step = DeviceStep.allocate(head, gated, RESPONSES, tensors.stream)) {
        for (Readout unfit :
            new Readout[] {
              Readout.linearGate(other, 1), Readout.softmaxGate(gate, 1, 1), Readout.identity()
            }) {
          assertThrows(
              InvalidArgumentException.class,
              () -> step.forward(tensors.onDevice, Pooling.index(), unfit));
        }
        InvalidArgumentException refused =
            assertThrows(
                InvalidArgumentException.class,
                () -> step.forward(tensors.withoutGate(), Pooling.index(), gated));
        assertTrue(String.valueOf(refused.getMessage()).contains("withGate"), refused.getMessage());
        step.forward(tensors.onDevice, Pooling.index(), gated);
        assertThrows(IllegalStateException.class, () -> step.scatterGate(hidden));
        assertThrows(IllegalStateException.class, step::gateVectorGradients);
        gate.close();
        assertThrows(
            IllegalStateException.class,
            () -> step.backward(step.scores(), Step.Accumulation.REPLACE),
            "the gate is closed");
      }
      try (RewardHead open = head(cuda, LINEAR_GATE);
          DeviceStep step =
              DeviceStep.allocate(
                  head,
                  Readout.linearGate(open, 1),
                  RESPONSES,
                  tensors.stream,
                  Step.Extra.values())) {
        step.forward(tensors.onDevice, Pooling.index(), Readout.linearGate(open, 1));
        assertThrows(IllegalStateException.class, step::vectorGradients);
        assertThrows(IllegalStateException.class, step::gateVectorGradients);
        step.backward(step.scores(), Step.Accumulation.REPLACE);
        assertArrayEquals(new long[] {RESPONSES, 8}, step.vectorGradients().shape());
        assertArrayEquals(new long[] {RESPONSES, 8}, step.gateVectorGradients().shape());
      }
    }
  }

  /** A head and a gate with their optimizers. */
  private static final class Trained implements AutoCloseable {
    final RewardHead head;
    final RewardHead gate;
    final Optimizer optimizer;
    final Optimizer gateOptimizer;

    Trained(Context cuda, HeadSpec spec, HeadSpec gateSpec) {
      AdamW options = AdamW.defaults().withLearningRate(0.01f);
      head = head(cuda, spec);
      gate = head(cuda, gateSpec);
      optimizer = Optimizer.create(head, options);
      gateOptimizer = Optimizer.create(gate, options);
    }

    void sameAs(Trained expected, boolean gated) {
      assertEquals(expected.optimizer.stepCount(), optimizer.stepCount());
      assertEquals(expected.gateOptimizer.stepCount(), gateOptimizer.stepCount());
      same(expected.head, head);
      if (gated) {
        same(expected.gate, gate);
      }
    }

    private static void same(RewardHead expected, RewardHead actual) {
      for (HeadSpec.Parameter parameter : expected.spec().parameters()) {
        try (HostTensor wanted = expected.parameter(parameter.name());
            HostTensor found = actual.parameter(parameter.name())) {
          assertArrayEquals(wanted.toFloats(), found.toFloats(), parameter.name());
        }
      }
    }

    @Override
    public void close() {
      gateOptimizer.close();
      optimizer.close();
      gate.close();
      head.close();
    }
  }

  private static RewardHead head(Context context, HeadSpec spec) {
    return RewardHead.create(context, spec, Init.normal(1, 3));
  }
}
