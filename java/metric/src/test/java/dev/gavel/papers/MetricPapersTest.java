package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Activation;
import dev.gavel.CrossEntropy;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.Pooling;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.Composition;
import dev.gavel.aggregation.Probe;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.metric.Correlation;
import dev.gavel.metric.Fit;
import dev.gavel.metric.LabelAgreement;
import dev.gavel.metric.OneVersusMany;
import dev.gavel.metric.PairAccuracy;
import dev.gavel.metric.PerformanceGap;
import dev.gavel.metric.RewardBench2;
import dev.gavel.metric.RewardBench2Ties;
import dev.gavel.metric.TieCredit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Papers whose numeric part is, in the end, a measurement. */
class MetricPapersTest {

  @Test
  void multilingualRewardBench() {
    try (Walk walk = Walk.of(10)) {
      walk.use(
          "ACCURACY",
          PairAccuracy.of(new double[] {3, 1, 2}, new double[] {1, 1, 0}).value(TieCredit.WRONG),
          2.0 / 3);
      LabelAgreement agreement =
          LabelAgreement.of(List.of("a", "a", "b", "b"), List.of("a", "b", "b", "b"));
      // Three of four; by chance 1/2 1/4 + 1/2 3/4.
      walk.use("AGREEMENT", agreement.kappa().orElseThrow(), (0.75 - 0.5) / 0.5);
    }
  }

  @Test
  void rewardMath() {
    try (Walk walk = Walk.of(38)) {
      double right = StepReduction.MEAN_LOGIT.ofProbabilities(0.9, 0.8).orElseThrow();
      double expected = Walk.sigmoid((Math.log(9) + Math.log(4)) / 2);
      walk.use("STEP_REDUCE", right, expected);
      double odds = StepReduction.MEAN_ODDS.ofProbabilities(0.9, 0.8).orElseThrow();
      walk.use("STEP_REDUCE", odds, 6.5);
      double[] wrong = {0.1, 0.9, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
      walk.use(
          "ONE_VS_N",
          new double[] {
            OneVersusMany.accuracy(TieCredit.WRONG, new double[] {right}, wrong),
            OneVersusMany.reciprocalRank(new double[] {right}, wrong)
          },
          0,
          0.5);
    }
  }

  @Test
  void rewardBench2() {
    try (Walk walk = Walk.of(40)) {
      walk.use(
          "REWARDBENCH2",
          RewardBench2.subset(
              RewardBench2.credit(0, 1, 1, 1, 1), RewardBench2.credit(0, 2, 1, 1, 0)),
          0.625);
      RewardBench2Ties ties =
          RewardBench2Ties.of(
              List.of(
                  RewardBench2Ties.Row.of("ref:1", 1, List.of(5.0, 1.0)),
                  RewardBench2Ties.Row.of("tied:1", 2, List.of(3.0, 2.0, 0.0))));
      walk.use("REWARDBENCH2_TIES", ties.score(), 1 + 0.01 * Math.tanh(2 / 1.0 - 1));
    }
  }

  @Test
  void cmiRewardModel() {
    try (Walk walk = Walk.of(46)) {
      double[] scores = {0.9, 0.2, 0.5, 0.7};
      double[] people = {4, 1, 2, 3};
      assertEquals(List.of(0, 3), walk.use("TOP_K", Selection.topK(2, scores)));
      double mean = 0.575;
      double above = 0.325 * 1.5 + 0.375 * 1.5 + 0.075 * 0.5 + 0.125 * 0.5;
      double norm = Math.sqrt((0.325 * 0.325 + 0.375 * 0.375 + 0.075 * 0.075 + 0.125 * 0.125) * 5);
      assertEquals(mean, (0.9 + 0.2 + 0.5 + 0.7) / 4, 1e-12);
      walk.use("PEARSON", Correlation.PEARSON.of(scores, people).orElseThrow(), above / norm);
      walk.use("SPEARMAN", Correlation.SPEARMAN.of(scores, people).orElseThrow(), 1);
      walk.use("KENDALL", Correlation.KENDALL_TAU_B.of(scores, people).orElseThrow(), 1);
      walk.use(
          "ACCURACY",
          PairAccuracy.of(new double[] {0.9}, new double[] {0.2}).value(TieCredit.WRONG),
          1);
    }
  }

  @Test
  void adiee() {
    try (Walk walk = Walk.of(52)) {
      long score = 77;
      Spans spans =
          walk.rows(
              IndexRule.atToken(score),
              TokenSequence.unpadded(new long[] {1, 2, score, 3, score, 4, score}, 1));
      Walk.Head head = walk.head(HeadSpec.mlp(10, 6).activation(Activation.RELU).build());
      float[] scores = walk.logits(head, Pooling.index(), walk.hidden(7, 10), spans);
      float[] targets = {3, 1, 2};
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
      walk.use(
          "SPEARMAN",
          Correlation.SPEARMAN.of(new double[] {1, 2, 3}, new double[] {1, 3, 2}).orElseThrow(),
          0.5);
      walk.use(
          "ACCURACY",
          PairAccuracy.of(new double[] {2}, new double[] {1}).value(TieCredit.WRONG),
          1);
    }
  }

  @Test
  void firm() {
    try (Walk walk = Walk.of(54)) {
      // Edits 0.6 + 0.4 C, questions 0.4 + 0.6 Q.
      walk.use(
          "COMPOSE",
          new double[] {
            Composition.multiplicative(0.6).of(0.5, 0.5), Composition.multiplicative(0.4).of(1, 0.5)
          },
          0.5 * 0.8,
          0.7);
      walk.use("MAE", Fit.meanAbsoluteError(new double[] {1, 4}, new double[] {2, 2}), 1.5);
    }
  }

  @Test
  void mrmBench() {
    try (Walk walk = Walk.of(59)) {
      Spans spans =
          walk.rows(IndexRule.lastByMask(), TokenSequence.unpadded(new long[] {1, 2, 3, 4}, 2));
      HostTensor hidden = walk.hidden(4, 8);
      Walk.Head probe = walk.head(HeadSpec.linear(8).outputWidth(3).build());
      float[] logits = walk.logits(probe, Pooling.index(), hidden, spans);
      walk.loss(
          Loss.crossEntropy(walk.longs(0, 3), CrossEntropy.Target.index(walk.longs(2))),
          logits,
          s -> Walk.logSumExp(s) - s[2]);
      Probe centroids = Probe.of(new double[] {0, 0}, new double[] {3, 4});
      walk.use("PROBE", centroids.distance(0, 1), 1);
      assertEquals(false, centroids.knows(0.5, 0, 1));
      walk.use(
          "ACCURACY",
          PairAccuracy.of(new double[] {1, 1}, new double[] {0, 1}).value(TieCredit.WRONG),
          0.5);
    }
  }

  @Test
  void superficialAlignment() {
    try (Walk walk = Walk.of(70)) {
      // Scalar logits; the target mixes the weak label and the strong model's own, hardened.
      float[] strong = {1.5f, -0.5f, 0.25f};
      double[] weak = {0.8, 0.4, 0.3};
      double confidence = 0.5;
      float[] targets = new float[3];
      for (int n = 0; n < 3; n++) {
        targets[n] =
            (float) ((1 - confidence) * weak[n] + confidence * (strong[n] > 0.25f ? 1 : 0));
      }
      walk.loss(
          Loss.bce(walk.floats(targets)),
          strong,
          s -> {
            double sum = 0;
            for (int n = 0; n < 3; n++) {
              sum += (Walk.softplus(s[n]) - targets[n] * s[n]) / 3;
            }
            return sum;
          });
      // Conflict: what the weak model knows and the strong one gets wrong.
      double known = 0;
      double deceived = 0;
      for (int n = 0; n < 3; n++) {
        boolean weakKnows = weak[n] > 0.35;
        known += weakKnows ? 1 : 0;
        deceived += weakKnows && strong[n] < 0 ? 1 : 0;
      }
      walk.use("ACCURACY", deceived / known, 0.5);
    }
  }

  @Test
  void weakToStrong() {
    try (Walk walk = Walk.of(74)) {
      Spans spans =
          walk.rows(IndexRule.lastByMask(), TokenSequence.unpadded(new long[] {1, 2, 3}, 1));
      Walk.Head head = walk.head(HeadSpec.linear(6).outputWidth(2).build());
      float[] logits = walk.logits(head, Pooling.index(), walk.hidden(3, 6), spans);
      // t = (1 - c) q + c h, detached: h hardens the strong model's own guess.
      float strongSecond = logits[1] > logits[0] ? 1 : 0;
      float second = 0.75f * 0.9f + 0.25f * strongSecond;
      walk.loss(
          Loss.crossEntropy(
              walk.longs(0, 2), CrossEntropy.Target.soft(walk.floats(1 - second, second))),
          logits,
          s -> Walk.logSumExp(s) - (1 - second) * s[0] - second * s[1]);
      walk.use("PGR", new PerformanceGap(0.6, 0.75, 0.9).recovered().orElseThrow(), 0.5);
    }
  }

  @Test
  void culturalAwareness() {
    try (Walk walk = Walk.of(82)) {
      // One accuracy per subset; a subset is its own list of pairs.
      double africa =
          PairAccuracy.of(new double[] {1, 2}, new double[] {0, 3}).value(TieCredit.WRONG);
      double asia = PairAccuracy.of(new double[] {1}, new double[] {0}).value(TieCredit.WRONG);
      walk.use("ACCURACY", new double[] {africa, asia}, 0.5, 1);
    }
  }
}
