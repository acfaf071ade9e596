package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.aggregation.StepReduction;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Scores of token log-probabilities end to end: implicit process rewards, CRew, and mistakes. */
@ExtendWith(NoLeaks.class)
class TokenScoresTest {
  private static final float BETA = 0.05f;

  /**
   * Implicit PRM (arXiv 2412.01981): hidden states to log-probabilities, LOG_RATIO and BCE in one
   * call, then the gradient of the log-probabilities, against the formulas in double precision.
   */
  @Test
  void implicitProcessRewardModel() {
    try (TokenSample sample = new TokenSample(DType.F32, 30, 1100, 40, 1);
        Context context = Context.open();
        Vocabulary vocabulary = Vocabulary.create(context, sample.weight);
        HostTensor mask = HostTensor.of(everyFifthLeftOut(30));
        HostTensor labels = HostTensor.of(new float[] {1, 0, 0.5f}, 3);
        TokenScores scores = TokenScores.allocate(30, 3);
        LossResult result = LossResult.allocate(3, 3)) {
      TokenSource source = TokenSource.hidden(vocabulary, sample.hidden, sample.targets);
      Spans responses = Spans.of(new int[] {0, 8, 20}, new int[] {7, 19, 29});
      TokenLogprob implicit =
          TokenLogprob.sum().withMask(mask).withReference(sample.reference).withLogRatio(BETA);
      scores.score(context, source, responses, implicit, Loss.bce(labels), result);
      scores.backward(result);

      double[] logprobs = sample.logprobs();
      double loss = 0;
      double[] gradient = new double[30];
      for (int r = 0; r < 3; r++) {
        double reward = 0;
        for (int t = responses.first(r); t <= responses.last(r); t++) {
          reward += t % 5 == 4 ? 0 : BETA * (logprobs[t] - sample.reference.floatAt(t));
        }
        assertEquals(reward, scores.score(r), 1e-5);
        loss += (ReferenceMath.softplus(reward) - labels.floatAt(r) * reward) / 3;
        for (int t = responses.first(r); t <= responses.last(r); t++) {
          gradient[t] =
              t % 5 == 4 ? 0 : BETA * (ReferenceMath.sigmoid(reward) - labels.floatAt(r)) / 3;
        }
      }
      assertEquals(loss, result.value(), 1e-6);
      for (int t = 0; t < 30; t++) {
        assertEquals(gradient[t], scores.gradient(t), 1e-7, "row " + t);
        assertEquals(t % 5 == 4 ? 0 : logprobs[t], scores.logprob(t), 1e-4, "row " + t);
      }
      assertEquals(0, scores.invalidSpans());
    }
  }

  /** Step values cumulative and single, and what a step reduction makes of them. */
  @Test
  void stepValuesOfAnImplicitReward() {
    float[] policy = {-1, -2, -3, -4, -5, -6, -7};
    float[] reference = {9, -4, -2, -5, -5, -9, -6};
    try (Context context = Context.open();
        HostTensor ours = HostTensor.of(policy, 7);
        HostTensor theirs = HostTensor.of(reference, 7);
        TokenScores scores = TokenScores.allocate(7, 4)) {
      TokenSource source = TokenSource.given(ours);
      TokenLogprob implicit = TokenLogprob.sum().withReference(theirs).withLogRatio(0.5f);
      scores.score(context, source, Spans.cumulative(1, 2, 4, 6), implicit);
      float[] cumulative = scores.toArray();
      assertArrayEquals(new float[] {0.5f, 1, 2}, cumulative);
      scores.score(context, source, Spans.single(1, 2, 4, 6), implicit);
      float[] single = scores.toArray();
      assertArrayEquals(new float[] {0.5f, 0.5f, 1}, single);
      for (int k = 1; k < single.length; k++) {
        assertEquals(single[k], cumulative[k] - cumulative[k - 1]);
      }
      assertEquals(
          ReferenceMath.sigmoid(0.5), StepReduction.MIN.ofLogits(0.5, 1, 2).orElseThrow(), 1e-15);
      assertEquals(
          ReferenceMath.sigmoid(0.5),
          StepReduction.MIN.ofLogits(widened(cumulative)).orElseThrow(),
          1e-15);
      assertEquals(2, StepReduction.SUM.ofProbabilities(0.5, 0.5, 1).orElseThrow());
    }
  }

  /**
   * CRew: the mean probability of the final answer's tokens ranks responses; the answer that the
   * model is surest of wins.
   */
  @Test
  void confidenceAsAReward() {
    try (Context context = Context.open();
        HostTensor logits = HostTensor.allocate(DType.F32, 6, 3);
        HostTensor targets = HostTensor.of(new long[] {0, 1, 2, 0, 1, 2}, 6);
        TokenScores scores = TokenScores.allocate(6, 3)) {
      // Row t gives its token probability e^(z) / (e^(z) + 2).
      double[] odds = {1, 3, 8, 18, 2, 2};
      for (int t = 0; t < 6; t++) {
        logits.setFloat(3L * t + targets.longAt(t), (float) Math.log(odds[t]));
      }
      Spans answers = Spans.of(new int[] {0, 2, 4}, new int[] {1, 3, 5});
      scores.score(
          context, TokenSource.logits(logits, targets), answers, TokenLogprob.meanProbability());
      double[] expected = {(1.0 / 3 + 3.0 / 5) / 2, (0.8 + 0.9) / 2, 0.5};
      for (int r = 0; r < 3; r++) {
        assertEquals(expected[r], scores.score(r), 1e-6);
      }
      try (HostTensor ones = HostTensor.of(new float[] {1, 1, 1}, 3)) {
        scores.backward(ones);
        assertEquals(0.4, scores.gradient(2), 1e-6);
      }
    }
  }

  /** A causal model: row t predicts token t + 1, and the prompt is not looked at. */
  @Test
  void aSequencePredictsItsNextTokens() {
    TokenSequence sequence = TokenSequence.unpadded(new long[] {2, 0, 1, 2}, 2);
    assertArrayEquals(new long[] {0, 1, 2, -1}, sequence.nextIds());
    try (Context context = Context.open();
        HostTensor logits = HostTensor.allocate(DType.BF16, 4, 3);
        HostTensor targets = HostTensor.of(sequence.nextIds(), 4);
        TokenScores scores = TokenScores.allocate(4, 1)) {
      TokenSource source = TokenSource.logits(logits, targets);
      scores.score(context, source, Spans.of(new int[] {1}, new int[] {2}), TokenLogprob.sum());
      assertEquals(-2 * Math.log(3), scores.score(0), 1e-6);
      assertEquals(0, scores.logprob(0));
      Spans tooFar = Spans.of(new int[] {1}, new int[] {3});
      InvalidArgumentException refused =
          assertThrows(
              InvalidArgumentException.class,
              () -> scores.score(context, source, tooFar, TokenLogprob.sum()));
      assertTrue(refused.getMessage().contains("args.targets[3] is -1"), refused.getMessage());
      try (HostTensor mask = HostTensor.of(new boolean[] {true, true, true, false})) {
        scores.compute(context, source, mask);
        assertEquals(-Math.log(3), scores.logprob(0), 1e-6);
        assertEquals(0, scores.logprob(3));
        assertThrows(IllegalStateException.class, scores::toArray);
      }
    }
  }

  @Test
  void mistakes() {
    try (TokenSample sample = new TokenSample(DType.BF16, 4, 10, 8, 3);
        Context context = Context.open();
        Vocabulary vocabulary = Vocabulary.create(context, sample.weight);
        HostTensor other = HostTensor.allocate(DType.BF16, 4, 9);
        HostTensor wide = HostTensor.allocate(DType.F32, 4, 8);
        HostTensor shortMask = HostTensor.of(new boolean[] {true});
        TokenScores scores = TokenScores.allocate(4, 2)) {
      TokenSource source = TokenSource.hidden(vocabulary, sample.hidden, sample.targets);
      Spans one = Spans.of(new int[] {0}, new int[] {3});
      refused(
          "rows of the vocabulary have 8",
          () -> TokenSource.hidden(vocabulary, other, sample.targets));
      refused("must be bf16", () -> TokenSource.hidden(vocabulary, wide, sample.targets));
      refused("one per row", () -> TokenSource.hidden(vocabulary, sample.hidden, sample.reference));
      refused(
          "must be f32, f16 or bf16 [V, H]", () -> Vocabulary.create(context, sample.reference));
      refused("MEAN_PROB", () -> TokenLogprob.meanProbability().withLogRatio(1));
      refused("MEAN_PROB", () -> TokenLogprob.meanProbability().withReference(sample.reference));
      refused("beta is 0.0", () -> TokenLogprob.sum().withLogRatio(0));
      refused(
          "mask: u8[1]",
          () -> scores.score(context, source, one, TokenLogprob.sum().withMask(shortMask)));
      refused(
          "need not be computed",
          () -> scores.compute(context, TokenSource.given(sample.reference)));
      refused(
          "room for 4 rows and 2 spans",
          () -> scores.score(context, source, Spans.ofRows(0, 1, 2), TokenLogprob.sum()));
      refused("room for 0 rows", () -> TokenScores.allocate(0, 1));
      refused("ends must rise", () -> Spans.cumulative(0, 3, 3));
      refused("ends must rise", () -> Spans.single(4, 3));
      assertThrows(IllegalStateException.class, () -> scores.backward(sample.reference));
      scores.score(context, source, one, TokenLogprob.min());
      refused("gradient of the scores is", () -> scores.backward(sample.reference));
      assertThrows(IllegalStateException.class, () -> scores.gradient(0));
      assertThrows(IndexOutOfBoundsException.class, () -> scores.score(1));
      TokenSource gone = TokenSource.hidden(closed(context, sample), sample.hidden, sample.targets);
      assertThrows(
          IllegalStateException.class, () -> scores.score(context, gone, one, TokenLogprob.sum()));
    }
  }

  private static Vocabulary closed(Context context, TokenSample sample) {
    Vocabulary vocabulary = Vocabulary.create(context, sample.weight);
    vocabulary.close();
    return vocabulary;
  }

  private static void refused(String names, Runnable call) {
    InvalidArgumentException e = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(String.valueOf(e.getMessage()).contains(names), e.getMessage());
  }

  private static boolean[] everyFifthLeftOut(int rows) {
    boolean[] mask = new boolean[rows];
    for (int t = 0; t < rows; t++) {
      mask[t] = t % 5 != 4;
    }
    return mask;
  }

  private static double[] widened(float... values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }
}
