package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.Spans;
import dev.gavel.TokenLogprob;
import dev.gavel.aggregation.Advantage;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.aggregation.TieRule;
import dev.gavel.aggregation.Vote;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Papers whose score is made of the probabilities of a language model's own tokens. */
class LogProbabilityPapersTest {
  private static final int ROWS = 8;

  @Test
  void implicitPrm() {
    try (Walk walk = Walk.of(14)) {
      float beta = 0.05f;
      HostTensor reference = walk.floats(-1, -2, -1.5f, -0.5f, -3, -1, -2, -0.25f);
      TokenLogprob implicit = TokenLogprob.sum().withReference(reference).withLogRatio(beta);
      // Two responses; the first has two steps, rows 0 to 2 and 3 to 4.
      Walk.Tokens tokens = walk.tokens(ROWS);
      float[] whole =
          walk.logRatio(
              tokens,
              Spans.of(new int[] {0, 5}, new int[] {4, 7}),
              implicit,
              (row, logprob) -> beta * (logprob - reference.floatAt(row)));
      walk.loss(
          Loss.bce(walk.floats(1, 0)),
          whole,
          s -> (Walk.softplus(-s[0]) + Walk.softplus(s[1])) / 2);
      Spans single = Spans.single(0, 2, 4);
      float[] steps =
          walk.logRatio(
              tokens,
              single,
              implicit,
              (row, logprob) -> beta * (logprob - reference.floatAt(row)));
      assertEquals(whole[0], steps[0] + steps[1], 1e-6);
      walk.use(
          "STEP_REDUCE",
          StepReduction.MIN.ofLogits(Walk.doubles(steps)).orElseThrow(),
          Walk.sigmoid(Math.min(steps[0], steps[1])));
      walk.use(
          "VOTE",
          Vote.sigmoidSum().of(List.of("4", "4"), Walk.doubles(whole)).totals().get("4"),
          Walk.sigmoid(whole[0]) + Walk.sigmoid(whole[1]));
    }
  }

  @Test
  void confidenceAsReward() {
    try (Walk walk = Walk.of(48)) {
      float[] confidence =
          walk.meanProbability(walk.tokens(ROWS), Spans.of(new int[] {1, 5}, new int[] {3, 7}));
      int best = confidence[1] > confidence[0] ? 1 : 0;
      walk.use(
          "BEST_OF_N",
          Selection.bestOfN(TieRule.FIRST, Walk.doubles(confidence)).orElseThrow(),
          best);
    }
  }

  @Test
  void wrongGroups() {
    try (Walk walk = Walk.of(85)) {
      // A group in which every answer is wrong: the surer a response was, the worse for it. How
      // much
      // is not public; here in proportion.
      float[] confidence =
          walk.meanProbability(
              walk.tokens(ROWS), Spans.of(new int[] {0, 3, 5}, new int[] {2, 4, 7}));
      double[] rewards = new double[3];
      double mean = 0;
      for (int r = 0; r < 3; r++) {
        rewards[r] = -confidence[r];
        mean += rewards[r] / 3;
      }
      walk.use(
          "ADVANTAGE",
          Advantage.drGrpo(Advantage.GroupOfOne.ZERO).of(rewards),
          rewards[0] - mean,
          rewards[1] - mean,
          rewards[2] - mean);
    }
  }
}
