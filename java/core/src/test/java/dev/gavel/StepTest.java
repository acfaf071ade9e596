package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class StepTest {
  private static final HeadSpec SPEC = HeadSpec.mlp(12, 8).build();

  /** Two halves with ADD give the gradients of the whole, up to the order of their sums. */
  @Test
  void addedGradientsAreThoseOfTheWholeBatch() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Step whole = Step.allocate(head, 10, 1);
        Step halves = Step.allocate(head, 10, 1);
        PackedBatch first = PackedBatch.joint(sample.hidden, spans(sample, 0, 5));
        PackedBatch second = PackedBatch.joint(sample.hidden, spans(sample, 5, 10));
        HostTensor firstGradient = rows(sample.scoreGradient, 0, 5);
        HostTensor secondGradient = rows(sample.scoreGradient, 5, 10)) {
      whole.forward(sample.batch, sample.pooling, sample.readout);
      whole.backward(sample.scoreGradient, Step.Accumulation.REPLACE);
      halves.forward(first, sample.pooling, sample.readout);
      halves.backward(firstGradient, Step.Accumulation.REPLACE);
      halves.forward(second, sample.pooling, sample.readout);
      halves.backward(secondGradient, Step.Accumulation.ADD);
      for (HeadSpec.Parameter parameter : SPEC.parameters()) {
        Errors.assertClose(
            parameter.name(),
            HeadSample.flat(halves.gradients().get(parameter.name())),
            HeadSample.flat(whole.gradients().get(parameter.name())),
            16 * Errors.F32);
      }
      double norm = whole.gradients().norm();
      whole.gradients().scale(0.5f);
      assertEquals(norm / 2, whole.gradients().norm(), 1e-12 * norm);
    }
  }

  /** backward() and backward of the loss's own gradient are the same. */
  @Test
  void theLossGradientIsWhatGoesBack() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Step step = Step.allocate(head, 10, 5);
        HostTensor pairs = HostTensor.of(new long[] {0, 1, 2, 3, 4, 9}, 3, 2)) {
      Loss loss = Loss.bradleyTerry(pairs);
      step.forward(sample.batch, sample.pooling, sample.readout, loss);
      step.backward();
      float[] own = step.gradients().get("hidden.0.weight").toFloats();
      assertTrue(step.gradients().norm() > 0);
      step.backward(step.loss().gradient(), Step.Accumulation.REPLACE);
      assertArrayEquals(own, step.gradients().get("hidden.0.weight").toFloats());
      assertEquals(3, step.loss().validItems());
    }
  }

  /** A loss over the attributes of responses is one over R S scores, response by response. */
  @Test
  void aLossMayBeOverSeveralScoresOfAResponse() {
    HeadSpec spec = HeadSpec.mlp(12, 8).outputWidth(3).build();
    float[] wanted = new float[30];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = (float) Math.cos(i);
    }
    wanted[4] = Float.NaN;
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 10, 6);
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Step step = Step.allocate(head, 10, 30);
        HostTensor targets = HostTensor.of(wanted, 30);
        LossResult alone = LossResult.allocate(30, 30)) {
      Loss loss = Loss.mse(targets);
      step.forward(sample.batch, Pooling.index(), Readout.identity(), loss);
      step.backward();
      float[] own = step.gradients().get("hidden.0.weight").toFloats();
      try (HostTensor scores = HostTensor.of(step.scores().toArray(), 30)) {
        loss.evaluate(context, scores, alone);
      }
      assertEquals(alone.value(), step.loss().value());
      assertEquals(29, step.loss().validItems());
      assertArrayEquals(alone.gradient().toFloats(), step.loss().gradient().toFloats());
      assertEquals(Shapes.print(DType.F32, 10, 3), step.loss().gradient().toString());
      try (HostTensor gradient = HostTensor.of(alone.gradient().toFloats(), 10, 3)) {
        step.backward(gradient, Step.Accumulation.REPLACE);
      }
      assertArrayEquals(own, step.gradients().get("hidden.0.weight").toFloats());
    }
  }

  /**
   * Responses without a row have no part in any gradient, whatever gradient their scores are given.
   */
  @Test
  void invalidResponsesContributeNothing() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Step step = Step.allocate(head, 3, 1, Step.Extra.VECTOR_GRADIENTS);
        PackedBatch with =
            PackedBatch.joint(sample.hidden, Spans.of(new int[] {0, -1, 4}, new int[] {2, -1, 4}));
        PackedBatch without =
            PackedBatch.joint(sample.hidden, Spans.of(new int[] {0, 4}, new int[] {2, 4}));
        HostTensor three = HostTensor.of(new float[] {1, Float.NaN, 2}, 3, 1);
        HostTensor two = HostTensor.of(new float[] {1, 2}, 2, 1)) {
      step.forward(with, Pooling.spanMean(), sample.readout);
      step.backward(three, Step.Accumulation.REPLACE);
      float[] found = step.gradients().get("hidden.0.weight").toFloats();
      for (int d = 0; d < 12; d++) {
        assertEquals(0, step.vectorGradients().floatAt(12 + d));
      }
      step.forward(without, Pooling.spanMean(), sample.readout);
      step.backward(two, Step.Accumulation.REPLACE);
      assertArrayEquals(step.gradients().get("hidden.0.weight").toFloats(), found);
    }
  }

  @Test
  void whatWouldMixTwoStepsIsRefused() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults());
        Step step = Step.allocate(head, 10, 2, Step.Extra.VECTOR_GRADIENTS);
        Step plain = Step.allocate(head, 10, 2);
        HostTensor pairs = HostTensor.of(new long[] {0, 1}, 1, 2);
        HostTensor hiddenGradient = HostTensor.allocate(DType.F32, sample.hidden.shape());
        HostTensor wrong = HostTensor.allocate(DType.F32, 9, 1)) {
      Loss loss = Loss.bradleyTerry(pairs);
      refuses(step::backward, "no forward pass");
      step.forward(sample.batch, sample.pooling, sample.readout);
      refuses(step::backward, "had no loss");
      refuses(() -> step.scatter(hiddenGradient), "no backward pass");
      refuses(step::vectorGradients, "no backward pass");
      assertThrows(
          InvalidTensorException.class, () -> step.backward(wrong, Step.Accumulation.REPLACE));

      step.forward(sample.batch, sample.pooling, sample.readout, loss);
      step.backward();
      assertThrows(InvalidTensorException.class, () -> step.scatter(wrong));
      step.scatter(hiddenGradient);
      optimizer.step(step.gradients());
      refuses(step::backward, "an optimizer step was taken");
      refuses(() -> step.scatter(hiddenGradient), "an optimizer step was taken");

      plain.forward(sample.batch, sample.pooling, sample.readout, loss);
      plain.backward();
      refuses(() -> plain.scatter(hiddenGradient), "VECTOR_GRADIENTS");
      sample.batch.refill(sample.hidden, 1).group().sequence(1).response(0, 0).seal();
      refuses(plain::backward, "the batch was refilled");
    }
  }

  @Test
  void roomIsChecked() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Step small = Step.allocate(head, 9, 1);
        Step fewItems = Step.allocate(head, 10, 1);
        HostTensor pairs = HostTensor.of(new long[] {0, 1, 2, 3}, 2, 2)) {
      assertThrows(
          InvalidArgumentException.class,
          () -> small.forward(sample.batch, sample.pooling, sample.readout));
      InvalidArgumentException refused =
          assertThrows(
              InvalidArgumentException.class,
              () ->
                  fewItems.forward(
                      sample.batch, sample.pooling, sample.readout, Loss.bradleyTerry(pairs)));
      assertTrue(
          refused.getMessage().contains("1 item, the loss has 10 and 2"), refused.getMessage());
      assertThrows(InvalidArgumentException.class, () -> Step.allocate(head, 0, 1));
      assertThrows(InvalidArgumentException.class, () -> Step.allocate(head, 1, 0));
    }
  }

  @Test
  void useAfterCloseThrows() {
    try (HeadSample sample = sample();
        Context context = Context.open();
        RewardHead head = sample.head(context)) {
      Step step = Step.allocate(head, 10, 1);
      step.close();
      step.close();
      refuses(() -> step.forward(sample.batch, sample.pooling, sample.readout), "closed");
      refuses(step::backward, "closed");
      refuses(() -> step.gradients().norm(), "closed");
      Step second = Step.allocate(head, 10, 1);
      second.forward(sample.batch, sample.pooling, sample.readout);
      second.scores().close();
      refuses(() -> second.backward(sample.scoreGradient, Step.Accumulation.ADD), "closed");
      second.close();
    }
  }

  private static HeadSample sample() {
    return new HeadSample(SPEC, Pooling.index(), Readout.sigmoid(), 10, 6);
  }

  private static Spans spans(HeadSample sample, int from, int to) {
    return Spans.of(
        java.util.Arrays.copyOfRange(sample.first, from, to),
        java.util.Arrays.copyOfRange(sample.last, from, to));
  }

  private static HostTensor rows(HostTensor tensor, int from, int to) {
    float[] all = tensor.toFloats();
    return HostTensor.of(java.util.Arrays.copyOfRange(all, from, to), to - from, 1);
  }

  private static void refuses(Runnable call, String expected) {
    IllegalStateException refused = assertThrows(IllegalStateException.class, call::run);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
