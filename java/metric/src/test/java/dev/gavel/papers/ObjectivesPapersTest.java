package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Activation;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.Ensemble;
import dev.gavel.metric.RewardBench;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Papers whose head has several outputs: objectives, attributes, levels, experts. */
class ObjectivesPapersTest {
  private static final int WIDTH = 10;

  /** Responses of three tokens, the last of each read. */
  private static Spans lastTokens(Walk walk, int responses) {
    int[] rows = new int[responses];
    for (int r = 0; r < responses; r++) {
      Spans spans =
          walk.rows(IndexRule.lastByMask(), TokenSequence.unpadded(new long[] {1, 2, 3}, 1));
      rows[r] = 3 * r + spans.last(0);
    }
    return Spans.ofRows(rows);
  }

  /** Mean squared error of targets of which NaN do not count. */
  private static ToDoubleFunction<double[]> meanSquare(float... targets) {
    return s -> {
      double sum = 0;
      int count = 0;
      for (int n = 0; n < s.length; n++) {
        if (!Float.isNaN(targets[n])) {
          sum += (s[n] - targets[n]) * (s[n] - targets[n]);
          count++;
        }
      }
      return sum / count;
    };
  }

  private static double dot(double[] values, float... weights) {
    double sum = 0;
    for (int k = 0; k < weights.length; k++) {
      sum += values[k] * weights[k];
    }
    return sum;
  }

  private static double[] softmax(double... logits) {
    double all = Walk.logSumExp(logits);
    double[] p = new double[logits.length];
    for (int k = 0; k < p.length; k++) {
      p[k] = Math.exp(logits[k] - all);
    }
    return p;
  }

  /** A head of attributes: their regression, then one score by their weights. */
  private static float[] attributes(
      Walk walk, HeadSpec spec, int responses, float[] targets, float... weights) {
    Spans spans = lastTokens(walk, responses);
    HostTensor hidden = walk.hidden(3 * responses, WIDTH);
    Walk.Head head = walk.head(spec);
    float[] scores =
        walk.score(
            head,
            Pooling.index(),
            Readout.weightedSum(weights),
            hidden,
            spans,
            logits -> dot(logits, weights));
    float[] values = walk.plainLogits(head, hidden, spans);
    walk.loss(Loss.mse(walk.floats(targets)), values, meanSquare(targets));
    return scores;
  }

  @Test
  void rubricDimensions() {
    try (Walk walk = Walk.of(19)) {
      HeadSpec spec = HeadSpec.linear(WIDTH).outputWidth(3).build();
      attributes(walk, spec, 1, new float[] {1, 0.5f, Float.NaN}, 0.5f, 0.25f, 0.25f);
    }
  }

  @Test
  void multiObjectiveGrpo() {
    try (Walk walk = Walk.of(24)) {
      HeadSpec spec = HeadSpec.linear(WIDTH).outputWidth(4).build();
      float[] targets = {1, 0, 0.5f, 1, 0, 0, 1, 1};
      float[] scores = attributes(walk, spec, 2, targets, 0.4f, 0.3f, 0.2f, 0.1f);
      double[] rewards = Walk.doubles(scores);
      walk.use("ADVANTAGE", Papers.grpo().of(rewards), Papers.grpoWrittenOut(rewards));
    }
  }

  @Test
  void helpSteer2() {
    try (Walk walk = Walk.of(34)) {
      // Nine attributes, of which helpfulness is the fifth and the only one that scores.
      HeadSpec spec = HeadSpec.linear(WIDTH).outputWidth(9).outputBias(true).build();
      float[] targets = new float[18];
      java.util.Arrays.fill(targets, Float.NaN);
      targets[4] = 3;
      targets[13] = 1;
      float[] scores = attributes(walk, spec, 2, targets, 0, 0, 0, 0, 1, 0, 0, 0, 0);
      // Then scaled Bradley-Terry: a strength of 3 weighs the pair.
      walk.loss(
          Loss.bradleyTerry(walk.pairs(0, 1)).withWeight(dev.gavel.Amount.of(3)),
          scores,
          s -> 3 * Walk.softplus(s[1] - s[0]));
      walk.use(
          "REWARDBENCH",
          RewardBench.of(RewardBench.Weights.REFERENCE, Map.of("donotanswer", 0.5, "hep-cpp", 1.0))
              .sections()
              .get(RewardBench.Section.SAFETY),
          0.5);
    }
  }

  @Test
  void armoRm() {
    try (Walk walk = Walk.of(4)) {
      int objectives = 5;
      // The prompt ends with the pattern 8 9; the answer with the first padding token, 0.
      TokenSequence sequence = TokenSequence.of(new long[] {1, 8, 9, 2, 3, 0}, 0, 5, 3);
      Spans response = walk.rows(IndexRule.firstPadMinusOne(0), sequence);
      Spans pattern = walk.rows(IndexRule.lastPattern(8, 9), sequence);
      assertEquals(4, response.last(0));
      assertEquals(1, pattern.last(0));
      Spans spans = Spans.ofRows(response.last(0), 6 + response.last(0));
      long[] gateRows = {pattern.last(0), 6L + pattern.last(0)};
      HostTensor hidden = walk.hidden(12, WIDTH);
      Walk.Head regression =
          walk.head(HeadSpec.linear(WIDTH).outputWidth(objectives).outputBias(false).build());
      Walk.Head gate =
          walk.head(
              HeadSpec.mlp(WIDTH, 8).activation(Activation.RELU).outputWidth(objectives).build());
      // Every objective less its part of the last one, verbosity.
      float[] penalties = {0.1f, 0, 0.3f, 0.2f, 0};
      float[] transform = new float[objectives * objectives];
      for (int k = 0; k < objectives; k++) {
        transform[k * objectives + k] = 1;
        transform[(objectives - 1) * objectives + k] -= penalties[k];
      }
      float temperature = 10;
      float scale = 1.5f;
      float[] scores =
          walk.gated(
              regression,
              Readout.softmaxGate(gate.head(), temperature, scale).transform(transform),
              gate,
              hidden,
              spans,
              gateRows,
              (r, g) -> {
                double[] p =
                    softmax(java.util.Arrays.stream(g).map(x -> x / temperature).toArray());
                double sum = 0;
                for (int k = 0; k < objectives; k++) {
                  sum += p[k] * (r[k] - penalties[k] * r[objectives - 1]);
                }
                return scale * sum;
              });
      float[] targets = {1, Float.NaN, 0, 0.5f, 1, 0, 1, Float.NaN, 0, 0};
      float[] values = walk.plainLogits(regression, hidden, spans);
      walk.loss(Loss.mse(walk.floats(targets)), values, meanSquare(targets));
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1)), scores, s -> Walk.softplus(s[1] - s[0]));
      walk.use(
          "REWARDBENCH",
          RewardBench.of(RewardBench.Weights.XSTEST_SWAPPED, Map.of("xstest-should-refuse", 1.0))
              .sections()
              .get(RewardBench.Section.SAFETY),
          1);
    }
  }

  @Test
  void ordinalReward() {
    try (Walk walk = Walk.of(45)) {
      // The tokens '1' to '5' of the language model's output layer.
      int[] tokens = {16, 17, 18, 19, 20};
      int levels = tokens.length;
      Spans spans = lastTokens(walk, 2);
      HostTensor hidden = walk.hidden(6, WIDTH);
      Walk.Head head = walk.head(HeadSpec.vocabRows(WIDTH, tokens).build());
      walk.score(
          head,
          Pooling.index(),
          Readout.expectation(1, 2, 3, 4, 5),
          hidden,
          spans,
          logits -> dot(softmax(logits), 1, 2, 3, 4, 5));
      float[] logits = walk.plainLogits(head, hidden, spans);
      walk.loss(
          Loss.ordinal(walk.pairs(0, 1), levels),
          logits,
          s -> {
            double[] chosen = softmax(java.util.Arrays.copyOf(s, levels));
            double[] rejected = softmax(java.util.Arrays.copyOfRange(s, levels, 2 * levels));
            double wins = 0;
            for (int a = 0; a < levels; a++) {
              for (int b = 0; b < a; b++) {
                wins += chosen[a] * rejected[b];
              }
            }
            return -Math.log(wins);
          });
      walk.use(
          "REWARDBENCH",
          RewardBench.of(RewardBench.Weights.REFERENCE, Map.of("math-prm", 0.75))
              .sections()
              .get(RewardBench.Section.REASONING),
          0.75);
    }
  }

  @Test
  void videoScore2() {
    try (Walk walk = Walk.of(62)) {
      // A digit at a place of the text that is known: the likeliest times its share among digits.
      Spans spans =
          walk.rows(
              IndexRule.explicit(Spans.ofRows(2)),
              TokenSequence.unpadded(new long[] {1, 2, 3, 4}, 1));
      walk.score(
          walk.head(HeadSpec.vocabRows(WIDTH, 16, 17, 18, 19, 20).build()),
          Pooling.index(),
          new Readout.Expectation(
              java.util.List.of(1f, 2f, 3f, 4f, 5f), Readout.Statistic.TOP_LEVEL),
          walk.hidden(4, WIDTH),
          spans,
          logits -> {
            double[] p = softmax(logits);
            int top = 0;
            for (int k = 1; k < p.length; k++) {
              top = p[k] > p[top] ? k : top;
            }
            return (top + 1) * p[top];
          });
    }
  }

  @Test
  void doubleMixtureOfExperts() {
    try (Walk walk = Walk.of(67)) {
      int experts = 3;
      // Rows hold the vectors of three expert backbones side by side.
      Spans spans = lastTokens(walk, 2);
      Walk.Head head = walk.head(HeadSpec.expertConcat(experts, WIDTH, 8).build());
      float[] scores = walk.logits(head, Pooling.index(), walk.hidden(6, experts * WIDTH), spans);
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1)), scores, s -> Walk.softplus(s[1] - s[0]));
      walk.use(
          "ENSEMBLE",
          Ensemble.mean().of(scores[0], scores[1]),
          ((double) scores[0] + scores[1]) / 2);
    }
  }
}
