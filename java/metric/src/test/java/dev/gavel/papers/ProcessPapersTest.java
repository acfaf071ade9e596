package dev.gavel.papers;

import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.aggregation.TieRule;
import dev.gavel.metric.BestOfNCurve;
import org.junit.jupiter.api.Test;

/** Papers that score the steps of a response. */
class ProcessPapersTest {
  private static final long MARKER = 50;
  private static final int WIDTH = 10;

  /** Three steps, a marker after each. */
  private static Spans steps(Walk walk) {
    return walk.rows(
        IndexRule.atToken(MARKER),
        TokenSequence.unpadded(new long[] {1, 5, MARKER, 6, 7, MARKER, 8, MARKER}, 1));
  }

  private static double product(double... values) {
    double product = 1;
    for (double value : values) {
      product *= value;
    }
    return product;
  }

  @Test
  void vilBench() {
    try (Walk walk = Walk.of(1)) {
      Spans spans = steps(walk);
      HostTensor hidden = walk.hidden(8, WIDTH);
      Walk.Head head = walk.head(HeadSpec.linear(WIDTH).build());
      float[] scores =
          walk.score(
              head,
              Pooling.index(),
              Readout.sigmoid(),
              hidden,
              spans,
              logit -> Walk.sigmoid(logit[0]));
      float[] targets = {1, 0.5f, 0};
      walk.loss(
          Loss.mse(walk.floats(targets)),
          scores,
          s -> {
            double sum = 0;
            for (int n = 0; n < 3; n++) {
              sum += (s[n] - targets[n]) * (s[n] - targets[n]) / 3;
            }
            return sum;
          });
      double mean = (Walk.doubles(scores)[0] + scores[1] + scores[2]) / 3;
      walk.use(
          "STEP_REDUCE",
          StepReduction.MEAN.ofProbabilities(Walk.doubles(scores)).orElseThrow(),
          mean);
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, 0.2, 0.9, mean).orElseThrow(), 1);
      // The best of all has value 1, a response taken at random 1/3, of two the better by rank.
      walk.use(
          "BON_CURVE",
          BestOfNCurve.FIRST_OF_EQUALS.of(new double[] {3, 1, 2}, new double[] {1, 0, 0}),
          1.0 / 3,
          2.0 / 3,
          1);
    }
  }

  @Test
  void halDetect() {
    try (Walk walk = Walk.of(25)) {
      // Ends of the segments that people labelled.
      Spans spans =
          walk.rows(
              IndexRule.explicit(Spans.ofRows(3, 5, 7)),
              TokenSequence.unpadded(new long[] {1, 2, 3, 4, 5, 6, 7, 8}, 2));
      Walk.Head head = walk.head(HeadSpec.linear(WIDTH).build());
      float[] logits = walk.logits(head, Pooling.index(), walk.hidden(8, WIDTH), spans);
      walk.loss(
          Loss.bce(walk.floats(1, 0, Float.NaN)),
          logits,
          s -> (Walk.softplus(-s[0]) + Walk.softplus(s[1])) / 2);
      double all =
          product(Walk.sigmoid(logits[0]), Walk.sigmoid(logits[1]), Walk.sigmoid(logits[2]));
      walk.use(
          "STEP_REDUCE",
          StepReduction.PRODUCT.logOfLogits(Walk.doubles(logits)).orElseThrow(),
          Math.log(all));
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, -3, -0.5, -1).orElseThrow(), 1);
    }
  }
}
