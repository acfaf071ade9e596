package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Activation;
import dev.gavel.Amount;
import dev.gavel.BradleyTerry;
import dev.gavel.CrossEntropy;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.LossResult;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.Reduction;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.ConfidenceCalibration;
import dev.gavel.aggregation.Divisor;
import dev.gavel.aggregation.Ensemble;
import dev.gavel.aggregation.PairWeights;
import dev.gavel.aggregation.RewardRange;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.Standardiser;
import dev.gavel.aggregation.TieRule;
import dev.gavel.metric.CalibrationError;
import dev.gavel.metric.Consistency;
import dev.gavel.metric.PairAccuracy;
import dev.gavel.metric.TieCredit;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Papers whose reward model is one scalar per response, trained on preferred pairs. */
class PairwisePapersTest {
  private static final int WIDTH = 12;

  /** Responses of four tokens each, in sequences of their own, read at the last real token. */
  private static Spans lastTokens(Walk walk, int responses) {
    int[] first = new int[responses];
    int[] last = new int[responses];
    for (int r = 0; r < responses; r++) {
      // Two tokens of prompt, two of response, one of padding.
      TokenSequence sequence = TokenSequence.of(new long[] {7, 8, 9, 10, 0}, 0, 4, 2);
      Spans spans = walk.rows(IndexRule.lastByMask(), sequence);
      first[r] = 5 * r + spans.first(0);
      last[r] = 5 * r + spans.last(0);
    }
    return Spans.of(first, last);
  }

  private static float[] scalars(Walk walk, HeadSpec spec, int responses) {
    Spans spans = lastTokens(walk, responses);
    HostTensor hidden = walk.hidden(5 * responses, spec.inputWidth());
    return walk.logits(walk.head(spec), Pooling.index(), hidden, spans);
  }

  private static HeadSpec linear() {
    return HeadSpec.linear(WIDTH).outputBias(false).build();
  }

  /** Mean of -log sigmoid(s_i - s_j) over pairs (0, 1), (2, 3), ... */
  private static ToDoubleFunction<double[]> bradleyTerry(int pairs) {
    return s -> {
      double sum = 0;
      for (int p = 0; p < pairs; p++) {
        sum += Walk.softplus(s[2 * p + 1] - s[2 * p]);
      }
      return sum / pairs;
    };
  }

  private static void plain(int paper, HeadSpec spec) {
    try (Walk walk = Walk.of(paper)) {
      float[] scores = scalars(walk, spec, 4);
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)), scores, bradleyTerry(2));
    }
  }

  @Test
  void salmon() {
    plain(31, linear());
  }

  @Test
  void themis() {
    plain(44, linear());
  }

  @Test
  void lens() {
    // Vectors of a latent space instead of hidden states: every row is a response.
    try (Walk walk = Walk.of(84)) {
      Spans spans =
          walk.rows(
              IndexRule.explicit(Spans.ofRows(0, 1, 2, 3)),
              TokenSequence.unpadded(new long[] {1, 1, 1, 1}, 0));
      Walk.Head head = walk.head(HeadSpec.mlp(WIDTH, 8).activation(Activation.RELU).build());
      float[] scores = walk.logits(head, Pooling.index(), walk.hidden(4, WIDTH), spans);
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)), scores, bradleyTerry(2));
    }
  }

  @Test
  void cream() {
    try (Walk walk = Walk.of(15)) {
      float[] scores = scalars(walk, linear(), 4);
      double[] before = {3, 1, 2, 0};
      double[] after = {3, 2, 1, 0};
      // One of six pairs changes places: tau = 2/3.
      double consistency = Consistency.KENDALL.of(before, after);
      walk.use("CONSISTENCY", consistency, 5.0 / 6);
      float smoothing = (float) (1 - consistency);
      BradleyTerry loss =
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)).withLabelSmoothing(Amount.of(smoothing));
      walk.loss(
          loss,
          scores,
          s -> {
            double sum = 0;
            for (int p = 0; p < 2; p++) {
              double gap = s[2 * p] - s[2 * p + 1];
              sum += (1 - smoothing) * Walk.softplus(-gap) + smoothing * Walk.softplus(gap);
            }
            return sum / 2;
          });
    }
  }

  @Test
  void ppoM() {
    try (Walk walk = Walk.of(21)) {
      // Chosen with high and low confidence, rejected with low and high.
      float[] scores = scalars(walk, linear(), 4);
      walk.loss(
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)).withReduction(Reduction.SUM),
          scores,
          s -> Walk.softplus(s[1] - s[0]) + Walk.softplus(s[3] - s[2]));
      walk.loss(
          Loss.plackettLuce(walk.longs(0, 4), walk.longs(1, 2, 3, 4)),
          scores,
          s -> {
            double loss = 0;
            for (int k = 0; k < 4; k++) {
              loss += Walk.logSumExp(java.util.Arrays.copyOfRange(s, k, 4)) - s[k];
            }
            return loss;
          });
      ConfidenceCalibration calibration =
          new ConfidenceCalibration(ConfidenceCalibration.Adjustment.DIFFERENCE, 0.5, 0.1, 0);
      ConfidenceCalibration.Batch batch =
          calibration.of(new RewardRange(-10, 10).clamp(2, -1), new double[] {0.9, 0.4});
      // The running mean becomes 0.1 * 0.5.
      walk.use(
          "SHAPE",
          new double[] {batch.rewards().get(0), batch.rewards().get(1)},
          2 + 0.5 * 1.95 * 0.4,
          -1 + 0.5 * 1.05 * 0.1);
      walk.use(
          "ECE",
          new CalibrationError(10, CalibrationError.Edge.LOWER)
              .of(new double[] {0.95, 0.95, 0.15}, new boolean[] {true, false, false}),
          2.0 / 3 * 0.45 + 1.0 / 3 * 0.15);
    }
  }

  @Test
  void mmRlhf() {
    try (Walk walk = Walk.of(30)) {
      HeadSpec spec = HeadSpec.mlp(WIDTH, WIDTH).activation(Activation.TANH).build();
      float[] scores = scalars(walk, spec, 6);
      float beta = (float) PairWeights.dynamicBeta(0.1, 0.5, 0.5, 2);
      walk.use("PAIR_WEIGHTS", beta, 0.1 * (1 + 0.5 * (1 - Math.exp(-1))));
      HostTensor ties = walk.marks(false, false, true);
      BradleyTerry loss =
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3, 4, 5))
              .withBeta(Amount.each(walk.floats(1, beta, 1)))
              .withTies(ties, Amount.of(0.3f))
              .withCenter(Amount.of(0.01f));
      walk.loss(
          loss,
          scores,
          s -> {
            double sum = Walk.softplus(s[1] - s[0]) + Walk.softplus(beta * (s[3] - s[2]));
            sum += 0.3f * (s[4] - s[5]) * (s[4] - s[5]);
            for (int p = 0; p < 3; p++) {
              sum += 0.01f * (s[2 * p] + s[2 * p + 1]) * (s[2 * p] + s[2 * p + 1]);
            }
            return sum / 3;
          });
      PairAccuracy one = PairAccuracy.of(new double[] {2, 1}, new double[] {1, 0});
      PairAccuracy two = PairAccuracy.of(new double[] {2, 0}, new double[] {1, 1});
      walk.use("ACCURACY", one.plus(two).value(TieCredit.WRONG), 0.75);
      walk.use("ACCURACY_ALL_PAIRS", PairAccuracy.allPairs(List.of(one, two)).value(), 0.5);
    }
  }

  @Test
  void baseReward() {
    try (Walk walk = Walk.of(42)) {
      HeadSpec spec = HeadSpec.mlp(WIDTH, 16).activation(Activation.SILU).build();
      float[] scores = scalars(walk, spec, 4);
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)), scores, bradleyTerry(2));
      Standardiser standardiser = Standardiser.fit(Divisor.N, Walk.doubles(scores));
      double[] standard = standardiser.of(Walk.doubles(scores));
      walk.use("ENSEMBLE", Ensemble.mean().of(standard[0], 3), (standard[0] + 3) / 2);
    }
  }

  @Test
  void docReward() {
    try (Walk walk = Walk.of(47)) {
      float[] scores = scalars(walk, linear(), 3);
      // A bundle ranked 0 before 1 before 2: all its pairs.
      walk.loss(
          Loss.bradleyTerry(walk.pairs(0, 1, 0, 2, 1, 2)),
          scores,
          s ->
              (Walk.softplus(s[1] - s[0]) + Walk.softplus(s[2] - s[0]) + Walk.softplus(s[2] - s[1]))
                  / 3);
      double[] chosen = {scores[0], scores[0], scores[1]};
      double[] rejected = {scores[1], scores[2], scores[2]};
      double right = 0;
      for (int p = 0; p < 3; p++) {
        right += chosen[p] > rejected[p] ? 1.0 / 3 : 0;
      }
      walk.use("ACCURACY", PairAccuracy.of(chosen, rejected).value(TieCredit.WRONG), right);
    }
  }

  @Test
  void longRm() {
    try (Walk walk = Walk.of(68)) {
      float[] scores = scalars(walk, linear(), 4);
      walk.loss(Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)), scores, bradleyTerry(2));
      walk.use(
          "ACCURACY",
          PairAccuracy.of(new double[] {1, 2}, new double[] {0, 3}).value(TieCredit.WRONG),
          0.5);
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, 1, 5, 5).orElseThrow(), 1);
    }
  }

  @Test
  void armap() {
    try (Walk walk = Walk.of(73)) {
      // Padding on the left: the last column is the last real token.
      TokenSequence sequence = TokenSequence.of(new long[] {0, 0, 7, 8, 9}, 2, 5, 3);
      Spans one = walk.rows(IndexRule.lastColumn(), sequence);
      Spans spans = Spans.ofRows(one.last(0), 5 + one.last(0));
      Walk.Head head = walk.head(HeadSpec.linear(WIDTH).outputBias(true).build());
      float[] scores = walk.logits(head, Pooling.index(), walk.hidden(10, WIDTH), spans);
      LossResult result = walk.loss(Loss.bradleyTerry(walk.pairs(0, 1)), scores, bradleyTerry(1));
      // Its regulariser 1e-3 |mean(s_i + s_j)| is no term of a pair: its gradient is added outside.
      double regularised = result.gradient(0) + 1e-3 * Math.signum(scores[0] + scores[1]);
      assertEquals(
          Walk.sigmoid(scores[0] - scores[1]) - 1 + 1e-3 * Math.signum(scores[0] + scores[1]),
          regularised,
          1e-6);
      walk.use("BEST_OF_N", Selection.bestOfN(TieRule.FIRST, 0, 3, 1).orElseThrow(), 1);
    }
  }

  @Test
  void cooper() {
    try (Walk walk = Walk.of(60)) {
      Spans spans = lastTokens(walk, 4);
      HostTensor hidden = walk.hidden(20, WIDTH);
      Walk.Head head = walk.head(linear());
      float[] rewards =
          walk.score(
              head,
              Pooling.index(),
              Readout.sigmoid(),
              hidden,
              spans,
              logit -> Walk.sigmoid(logit[0]));
      float[] logits =
          head.head()
              .score(
                  walk.keep(dev.gavel.PackedBatch.joint(hidden, spans)),
                  Pooling.index(),
                  Readout.identity());
      float[] targets = {1, 0, 0, 1};
      walk.loss(
          Loss.bce(walk.floats(targets)),
          logits,
          s -> {
            double sum = 0;
            for (int n = 0; n < 4; n++) {
              sum += (Walk.softplus(s[n]) - targets[n] * s[n]) / 4;
            }
            return sum;
          });
      // Pairs in which a side was not verified do not count.
      walk.loss(
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3)).withMask(walk.marks(true, true, false, true)),
          logits,
          bradleyTerry(1));
      double[] binary = new RewardRange(0, 1).binarise(0.5, Walk.doubles(rewards));
      double[] expected = new double[4];
      for (int n = 0; n < 4; n++) {
        expected[n] = rewards[n] >= 0.5 ? 1 : 0;
      }
      walk.use("SHAPE", binary, expected);
    }
  }

  @Test
  void collaborativeRewardModels() {
    try (Walk walk = Walk.of(72)) {
      float[] scores = {0.5f, -0.25f, 1, 2, -1, 0.5f};
      BradleyTerry pairs =
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3, 4, 5)).withReduction(Reduction.SUM);
      LossResult other = walk.loss(pairs, scores, s -> 3 * bradleyTerry(3).applyAsDouble(s));
      double[] items = {other.item(0), other.item(1), other.item(2)};
      boolean[] kept = PairWeights.smallLoss(0.5, items);
      // Two of three, rounded up: those the other model finds easiest.
      walk.use(
          "PAIR_WEIGHTS",
          new double[] {kept[0] ? 1 : 0, kept[1] ? 1 : 0, kept[2] ? 1 : 0},
          1,
          1,
          0);
      HostTensor weights = walk.floats(kept[0] ? 1 : 0, kept[1] ? 1 : 0, kept[2] ? 1 : 0);
      walk.loss(
          pairs.withWeight(Amount.each(weights)),
          scores,
          s -> Walk.softplus(s[1] - s[0]) + Walk.softplus(s[3] - s[2]));
    }
  }

  @Test
  void internalRewardModels() {
    try (Walk walk = Walk.of(66)) {
      // Two internal models that agree on the first pair only: the other pair is masked.
      double[] one = {2, 1, 0, 1};
      double[] two = {3, 1, 2, 1};
      double agree =
          Consistency.TOP_ORDER.of(new double[] {one[0], one[1]}, new double[] {two[0], two[1]});
      double differ =
          Consistency.TOP_ORDER.of(new double[] {one[2], one[3]}, new double[] {two[2], two[3]});
      walk.use("CONSISTENCY", new double[] {agree, differ}, 1, 0);
      float[] scores = {0.5f, 1, 2, 0.25f};
      walk.loss(
          Loss.bradleyTerry(walk.pairs(0, 1, 2, 3))
              .withMask(walk.marks(true, true, differ > 0, differ > 0)),
          scores,
          bradleyTerry(1));
    }
  }

  @Test
  void yojo() {
    try (Walk walk = Walk.of(13)) {
      long separator = 99;
      TokenSequence sequence =
          TokenSequence.unpadded(new long[] {1, 2, 3, 4, separator, 5, separator, 6, 7}, 2);
      Spans spans = walk.rows(IndexRule.beforeSeparator(separator), sequence);
      assertEquals(Spans.of(new int[] {2, 5, 7}, new int[] {3, 5, 8}), spans);
      HeadSpec spec =
          HeadSpec.mlp(16, 8)
              .activation(Activation.SILU)
              .outputScale((float) (1 / Math.sqrt(16)))
              .build();
      float[] scores = walk.logits(walk.head(spec), Pooling.index(), walk.hidden(9, 16), spans);
      walk.loss(
          Loss.crossEntropy(walk.longs(0, 3), CrossEntropy.Target.index(walk.longs(1))),
          scores,
          s -> Walk.logSumExp(s) - s[1]);
      double[] advantages = Papers.grpo().of(Walk.doubles(scores));
      assertEquals(0, advantages[0] + advantages[1] + advantages[2], 1e-6);
      walk.use("ADVANTAGE", advantages);
      walk.use(
          "KENDALL",
          dev.gavel.metric.Correlation.KENDALL_TAU_B
              .of(new double[] {1, 2, 3}, new double[] {1, 3, 2})
              .orElseThrow(),
          1.0 / 3);
    }
  }
}
