package dev.gavel.papers;

import dev.gavel.Activation;
import dev.gavel.Amount;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.Composition;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.aggregation.TieRule;
import dev.gavel.aggregation.Vote;
import dev.gavel.metric.BestOfNCurve;
import dev.gavel.metric.ProcessBench;
import java.util.List;
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

  /**
   * The probability of the second of two classes at each step, and the loss of their difference.
   */
  private static float[] twoClasses(Walk walk, HeadSpec spec, Spans spans, float... targets) {
    HostTensor hidden = walk.hidden(8, WIDTH);
    Walk.Head head = walk.head(spec);
    float[] right =
        walk.score(
            head,
            Pooling.index(),
            Readout.classProb(1, 2),
            hidden,
            spans,
            logits -> Walk.sigmoid(logits[1] - logits[0]));
    float[] logits = walk.plainLogits(head, hidden, spans);
    float[] differences = new float[spans.size()];
    for (int step = 0; step < differences.length; step++) {
      differences[step] = logits[2 * step + 1] - logits[2 * step];
    }
    walk.loss(
        Loss.bce(walk.floats(targets)),
        differences,
        s -> {
          double sum = 0;
          int labelled = 0;
          for (int n = 0; n < s.length; n++) {
            if (!Float.isNaN(targets[n])) {
              sum += Walk.softplus(s[n]) - targets[n] * s[n];
              labelled++;
            }
          }
          return sum / labelled;
        });
    return right;
  }

  private static HeadSpec process() {
    return HeadSpec.mlp(WIDTH, WIDTH).activation(Activation.RELU).outputWidth(2).build();
  }

  @Test
  void finPrm() {
    try (Walk walk = Walk.of(2)) {
      // The last marker is the trajectory's; of steps only those with a label count.
      float[] right = twoClasses(walk, process(), steps(walk), 1, Float.NaN, 0);
      Composition mean = Composition.additive(0.5, 0.5);
      double step = StepReduction.MEAN.ofProbabilities(right[0], right[1]).orElseThrow();
      double composed = mean.of(step, right[2]);
      walk.use("COMPOSE", composed, ((double) right[0] + right[1]) / 4 + right[2] / 2.0);
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, 0, composed).orElseThrow(), 1);
    }
  }

  @Test
  void spare() {
    try (Walk walk = Walk.of(8)) {
      float[] right = twoClasses(walk, process(), steps(walk), 1, 1, 0);
      double mean = StepReduction.MEAN.ofProbabilities(Walk.doubles(right)).orElseThrow();
      walk.use("STEP_REDUCE", mean, ((double) right[0] + right[1] + right[2]) / 3);
      walk.use(
          "VOTE",
          Vote.sum().of(List.of("7", "8", "7"), mean, 0.5, 0.25).totals().get("7"),
          mean + 0.25);
    }
  }

  @Test
  void qwenMathPrm() {
    try (Walk walk = Walk.of(50)) {
      // Soft labels, from Monte Carlo.
      float[] right = twoClasses(walk, process(), steps(walk), 1, 0.5f, 0);
      walk.use(
          "STEP_REDUCE",
          StepReduction.PRODUCT.ofProbabilities(Walk.doubles(right)).orElseThrow(),
          product(Walk.doubles(right)));
      int first = ProcessBench.firstError(0.5, 0.9, 0.2, 0.8);
      ProcessBench bench =
          ProcessBench.of(
              new int[] {1, 0, ProcessBench.NO_ERROR}, new int[] {first, 2, ProcessBench.NO_ERROR});
      walk.use("PROCESSBENCH_F1", bench.f1(), 2 * 0.5 * 1 / 1.5);
      walk.use(
          "BON_CURVE",
          BestOfNCurve.FIRST_OF_EQUALS.of(new double[] {1, 2}, new double[] {0, 1}),
          0.5,
          1);
    }
  }

  @Test
  void gradeSql() {
    try (Walk walk = Walk.of(33)) {
      // Rows "No" and "Yes" of the language model's output layer, at the end of the question.
      Spans spans =
          walk.rows(
              IndexRule.lastByMask(),
              TokenSequence.unpadded(new long[] {1, 2, 3, 4, 5, 6, 7, 8}, 4));
      float[] yes = twoClasses(walk, HeadSpec.vocabRows(WIDTH, 2201, 9834).build(), spans, 1);
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, yes[0], 2).orElseThrow(), 1);
      walk.use("VOTE", Vote.count().of(List.of("a", "b", "a"), yes[0], 1, 1).totals().get("a"), 2);
    }
  }

  @Test
  void biPrm() {
    try (Walk walk = Walk.of(20)) {
      // The stream of reversed steps follows in rows 8 to 15: step t of n lies at marker n - 1 - t.
      Spans forward = steps(walk);
      Spans reverse = steps(walk);
      long[] flipped = new long[3];
      for (int step = 0; step < 3; step++) {
        flipped[step] = 8L + reverse.last(2 - step);
      }
      HostTensor hidden = walk.hidden(16, WIDTH);
      Walk.Head value = walk.head(HeadSpec.linear(WIDTH).build());
      Walk.Head gate =
          walk.head(HeadSpec.mlp(2 * WIDTH, WIDTH).activation(Activation.RELU).build());
      float[] scores = walk.twoStreams(value, gate, hidden, forward, flipped);
      boolean[] labels = {true, true, false};
      float zeta = 4;
      walk.loss(
          Loss.stepRanking(walk.longs(0, 3), walk.marks(labels), Amount.of(zeta)),
          scores,
          s -> {
            double wrong = Walk.logSumExp(0, s[2] + zeta);
            double first = Walk.logSumExp(wrong, s[0]);
            double second = Walk.logSumExp(wrong, s[0], s[1]);
            return (wrong + first - s[0] + second - s[1]) / 3;
          });
      walk.use(
          "STEP_REDUCE",
          StepReduction.LAST.ofLogits(Walk.doubles(scores)).orElseThrow(),
          Walk.sigmoid(scores[2]));
      walk.use(
          "VOTE",
          Vote.sigmoidSum().of(List.of("4"), scores[2]).totals().get("4"),
          Walk.sigmoid(scores[2]));
    }
  }
}
