package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Readouts, gates, the pooling of all rows and log-probabilities of tokens on a CUDA context: the
 * CPU's bits, since whole numbers make the same logits there. As {@link CudaTest} for the rest.
 */
@ExtendWith(NoLeaks.class)
class CudaVocabularyTest {
  private static final int RESPONSES = 9;
  private static final HeadSpec HEAD = spec(8, 6);
  private static final HeadSpec GATE = spec(8, 6);
  private static final HeadSpec TWO_ROWS = spec(16, 1);

  private static HeadSpec spec(int width, int outputs) {
    // Logits of some tens would leave one class alone.
    return HeadSpec.linear(width)
        .outputWidth(outputs)
        .outputBias(false)
        .outputScale(1f / 16)
        .build();
  }

  private static RewardHead head(Context context, HeadSpec spec) {
    try (HostTensor weight =
        CudaTest.wholeNumbers(DType.F32, spec.outputWidth(), spec.inputWidth())) {
      return RewardHead.create(context, spec, Map.of("output.weight", weight));
    }
  }

  private static PackedBatch batch(HostTensor hidden) {
    PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, RESPONSES);
    batch.group();
    long[] rows = new long[RESPONSES];
    for (int r = 0; r < RESPONSES; r++) {
      batch.sequence(1).response(0, 0);
      rows[r] = r == 4 ? Spans.NONE : RESPONSES - 1 - r;
    }
    return batch.gateRows(rows).seal();
  }

  private static List<Readout> readouts(RewardHead gate, RewardHead twoRows) {
    return List.of(
        Readout.classProb(1, 3),
        Readout.expectation(1, 2, 3),
        new Readout.Expectation(List.of(1f, 2f, 4f), Readout.Statistic.VARIANCE),
        new Readout.Expectation(List.of(1f, 2f, 4f), Readout.Statistic.TOP_LEVEL),
        Readout.quantileMean(2),
        Readout.weightedSum(0.5f, -1, 2, 0.25f, 1, 3),
        Readout.softmaxGate(gate, 2, 1.5f),
        Readout.linearGate(gate, 0.5f),
        Readout.twoStreamGate(twoRows));
  }

  /** Forward, loss and backward with every readout: scores, losses and gradients of one product. */
  @Test
  void everyReadoutTrainsAsOnTheCpu() {
    try (Context cuda = CudaTest.cuda();
        Context cpu = Context.open();
        HostTensor hidden = CudaTest.wholeNumbers(DType.F32, RESPONSES, 8);
        RewardHead there = head(cuda, HEAD);
        RewardHead here = head(cpu, HEAD);
        RewardHead thereOne = head(cuda, spec(8, 1));
        RewardHead hereOne = head(cpu, spec(8, 1));
        RewardHead thereGate = head(cuda, GATE);
        RewardHead hereGate = head(cpu, GATE);
        RewardHead thereTwo = head(cuda, TWO_ROWS);
        RewardHead hereTwo = head(cpu, TWO_ROWS);
        PackedBatch batch = batch(hidden)) {
      List<Readout> onDevice = readouts(thereGate, thereTwo);
      List<Readout> onHost = readouts(hereGate, hereTwo);
      for (int i = 0; i < onHost.size(); i++) {
        boolean two = onHost.get(i) instanceof Readout.GatedSum gated && gated.twoStreams();
        try (Trained actual = new Trained(two ? thereOne : there, onDevice.get(i), batch);
            Trained expected = new Trained(two ? hereOne : here, onHost.get(i), batch)) {
          actual.check(expected);
        }
      }
    }
  }

  /** A step of a readout, forward and back. */
  private static final class Trained implements AutoCloseable {
    private final Readout readout;
    private final Step step;

    Trained(RewardHead head, Readout readout, PackedBatch batch) {
      this.readout = readout;
      this.step = Step.allocate(head, readout, RESPONSES, 1, Step.Extra.VECTOR_GRADIENTS);
      step.forward(batch, Pooling.index(), readout);
      int scores = readout.scores(head.spec().outputWidth());
      try (HostTensor gradient = CudaTest.wholeNumbers(DType.F32, RESPONSES, scores)) {
        step.backward(gradient, Step.Accumulation.REPLACE);
        step.backward(gradient, Step.Accumulation.ADD);
      }
    }

    void check(Trained expected) {
      String what = readout.toString();
      assertArrayEquals(expected.step.scores().toArray(), step.scores().toArray(), what);
      assertEquals(
          expected.step.scores().invalidResponses(), step.scores().invalidResponses(), what);
      assertArrayEquals(
          expected.step.vectorGradients().toFloats(),
          step.vectorGradients().toFloats(),
          1e-5f,
          what);
      same(expected.step.gradients(), step.gradients(), what);
      if (readout instanceof Readout.GatedSum gated) {
        same(expected.step.gateGradients(), step.gateGradients(), what);
        if (!gated.twoStreams()) {
          assertEquals(expected.step.gateScaleGradient(), step.gateScaleGradient(), what);
        }
      }
    }

    // Sums over nine responses in another order.
    private static void same(Gradients expected, Gradients actual, String what) {
      assertArrayEquals(
          expected.get("output.weight").toFloats(),
          actual.get("output.weight").toFloats(),
          1e-4f,
          what);
    }

    @Override
    public void close() {
      step.close();
    }
  }

  /** Every row of the hidden states is an item. */
  @Test
  void allRowsAreScored() {
    try (Context cuda = CudaTest.cuda();
        Context cpu = Context.open();
        HostTensor hidden = CudaTest.wholeNumbers(DType.F32, RESPONSES, 8);
        PackedBatch batch = PackedBatch.ofVectors(hidden, RESPONSES);
        RewardHead there = head(cuda, HEAD);
        RewardHead here = head(cpu, HEAD)) {
      assertArrayEquals(
          here.score(batch, Pooling.all(), Readout.identity()),
          there.score(batch, Pooling.all(), Readout.identity()));
    }
  }

  /** Log-probabilities, spans of them, a loss and the gradient. */
  @Test
  void tokenScoresAreTheCpus() {
    try (Context cuda = CudaTest.cuda();
        Context cpu = Context.open();
        HostTensor weight = CudaTest.wholeNumbers(DType.BF16, 1100, 16);
        HostTensor states = CudaTest.wholeNumbers(DType.BF16, 12, 16);
        HostTensor targets =
            HostTensor.of(new long[] {0, 5, 1099, 1024, 1023, 7, 8, 9, 10, 11, 12, 13}, 12);
        HostTensor mask =
            HostTensor.of(
                new boolean[] {
                  true, true, false, true, true, true, true, true, false, true, true, true
                });
        HostTensor labels = HostTensor.of(new float[] {1, 0, 0.5f}, 3);
        Vocabulary there = Vocabulary.create(cuda, weight);
        Vocabulary here = Vocabulary.create(cpu, weight);
        TokenScores found = TokenScores.allocate(12, 3);
        TokenScores wanted = TokenScores.allocate(12, 3);
        LossResult lossThere = LossResult.allocate(3, 3);
        LossResult lossHere = LossResult.allocate(3, 3)) {
      Spans spans = Spans.of(new int[] {0, 2, -1}, new int[] {3, 11, -1});
      for (TokenLogprob how :
          List.of(
              TokenLogprob.sum().withMask(mask),
              TokenLogprob.mean(),
              TokenLogprob.min().withMask(mask),
              TokenLogprob.meanProbability(),
              TokenLogprob.sum().withLogRatio(0.05f))) {
        found.score(
            cuda,
            TokenSource.hidden(there, states, targets),
            spans,
            how,
            Loss.bce(labels),
            lossThere);
        wanted.score(
            cpu, TokenSource.hidden(here, states, targets), spans, how, Loss.bce(labels), lossHere);
        assertArrayEquals(wanted.toArray(), found.toArray(), how.toString());
        assertArrayEquals(wanted.logprobs().toFloats(), found.logprobs().toFloats());
        assertEquals(1, found.invalidSpans());
        assertEquals(lossHere.value(), lossThere.value());
        found.backward(lossThere);
        wanted.backward(lossHere);
        assertArrayEquals(
            wanted.gradient().toFloats(), found.gradient().toFloats(), how.toString());
      }
    }
  }
}
