package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Amount;
import dev.gavel.CrossEntropy;
import dev.gavel.HeadSpec;
import dev.gavel.IndexRule;
import dev.gavel.Loss;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.Reduction;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.Advantage;
import dev.gavel.aggregation.BatchAdvantage;
import dev.gavel.aggregation.Composition;
import dev.gavel.aggregation.Divisor;
import dev.gavel.aggregation.Ensemble;
import dev.gavel.aggregation.LengthPenalty;
import dev.gavel.aggregation.PairMatrix;
import dev.gavel.aggregation.PairWeights;
import dev.gavel.aggregation.Resampling;
import dev.gavel.aggregation.SamplingWeights;
import dev.gavel.aggregation.Schedule;
import dev.gavel.aggregation.Selection;
import dev.gavel.aggregation.Standardiser;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.aggregation.StepShaping;
import dev.gavel.aggregation.Tournament;
import dev.gavel.aggregation.Vote;
import dev.gavel.metric.Fit;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Papers that turn scores they have into rewards, choices and advantages. */
class CompositionPapersTest {

  @Test
  void deepSeekGrm() {
    try (Walk walk = Walk.of(5)) {
      double[] points = {7, 2, 9, 4};
      double[] meta = {0.1, 0.9, 0.8, 0.3};
      // The two samples the meta model trusts: 2 and 9.
      List<Integer> trusted = walk.use("TOP_K", Selection.topK(2, meta));
      assertEquals(List.of(1, 2), trusted);
      walk.use("VOTE", Vote.sumOfTrusted(2, points, meta), 11);
    }
  }

  @Test
  void ctrlU() {
    try (Walk walk = Walk.of(9)) {
      double uncertainty = 0.7;
      float weight = (float) PairWeights.certainty(uncertainty);
      walk.use("PAIR_WEIGHTS", weight, Math.exp(-uncertainty));
      float[] scores = {0.5f, -1};
      walk.loss(
          Loss.mse(walk.floats(1, 0)).withWeight(Amount.of(weight)).withReduction(Reduction.SUM),
          scores,
          s -> weight * ((s[0] - 1) * (s[0] - 1) + s[1] * s[1]));
    }
  }

  @Test
  void thinkRm() {
    try (Walk walk = Walk.of(11)) {
      double[] scores = {0.5, 2, -1};
      PairMatrix matrix = walk.use("PAIR_MATRIX", PairMatrix.ofScores(scores));
      double[] advantages = matrix.advantages(1e-6, Advantage.GroupOfOne.ZERO);
      // Of differences of scores they are GRPO's but for where epsilon stands.
      double[] grpo = Papers.grpoWrittenOut(scores);
      for (int i = 0; i < 3; i++) {
        assertEquals(grpo[i], advantages[i], 1e-5);
      }
      walk.use("ADVANTAGE", advantages);
    }
  }

  @Test
  void magicore() {
    try (Walk walk = Walk.of(16)) {
      double[] steps = {0.9, 0.5};
      double product = StepReduction.PRODUCT.ofProbabilities(steps).orElseThrow();
      walk.use("STEP_REDUCE", product, 0.45);
      double reward = Composition.additive(1, 1).of(Walk.sigmoid(0.3), product);
      walk.use("COMPOSE", reward, Walk.sigmoid(0.3) + 0.45);
      double[] standard = Standardiser.fit(Divisor.N, reward, 0.2, 0.8).of(reward, 0.2, 0.8);
      Vote.Outcome<String> outcome =
          walk.use("VOTE", Vote.sum().of(List.of("4", "5", "4"), standard));
      assertEquals(standard[0] + standard[2], outcome.totals().get("4"), 1e-12);
    }
  }

  @Test
  void concisenessReward() {
    try (Walk walk = Walk.of(17)) {
      double annealing = Schedule.LINEAR.at(3, 10);
      Composition reward = Composition.outcomeDependent(0.5, annealing);
      walk.use(
          "COMPOSE",
          new double[] {reward.of(1, 0.8, 0.1), reward.of(0, 0.8, 0.1)},
          1 + 0.5 * annealing * 0.9,
          0);
    }
  }

  @Test
  void datarus() {
    try (Walk walk = Walk.of(18)) {
      double weight = Schedule.COSINE.at(25, 100);
      assertEquals((1 + Math.cos(Math.PI / 4)) / 2, weight, 1e-12);
      walk.use(
          "COMPOSE",
          Composition.additive(weight, 1 - weight).of(0.2, 0.9),
          weight * 0.2 + (1 - weight) * 0.9);
    }
  }

  @Test
  void harmo() {
    try (Walk walk = Walk.of(23)) {
      double length = LengthPenalty.overlong(450, 500, 100, 1);
      walk.use("SHAPE", length, -0.5);
      walk.use("COMPOSE", Composition.additive(1, 0.5, 0.5, 1).of(0.7, 1, 0, length), 0.7);
    }
  }

  @Test
  void policyFiltration() {
    try (Walk walk = Walk.of(27)) {
      double[] rewards = {0.2, -0.5, 0.9, 0.1};
      double[] weights = SamplingWeights.maxMin().of(rewards);
      int[] drawn = Resampling.MULTINOMIAL.draw(64, weights, new SplittableRandom(1));
      for (int response : drawn) {
        assertEquals(true, response == 1 || response == 2);
      }
      walk.use("RESAMPLE", weights, 0, 1, 1, 0);
      walk.use(
          "R2", Fit.determination(new double[] {1, 2, 3}, new double[] {2, 4, 6}).orElseThrow(), 1);
    }
  }

  @Test
  void arena() {
    try (Walk walk = Walk.of(29)) {
      double[] strength = {0.1, 0.9, 0.5, 0.3, 0.7};
      var placement =
          Tournament.singleElimination()
              .play(5, (i, j) -> new Tournament.Points(strength[i], strength[j]));
      assertEquals(List.of(1), placement.champions());
      walk.use("TOURNAMENT", placement.comparisons(), 2 * 5 - 2);
      walk.use(
          "ADVANTAGE",
          Papers.grpo().of(placement.toArray()),
          Papers.grpoWrittenOut(placement.toArray()));
    }
  }

  @Test
  void armed() {
    try (Walk walk = Walk.of(32)) {
      double[] rewards = new double[3];
      double[] semantic = {0.81, 0.8, 0.79};
      // Semantic rewards that have collapsed get the spread of their group before they count.
      double[] spread = Standardiser.fit(Divisor.N, semantic).of(semantic);
      for (int i = 0; i < 3; i++) {
        rewards[i] = Composition.additive(0.5, 0.5).of(i == 0 ? 1 : 0, spread[i]);
      }
      double deviation = Math.sqrt(1.5);
      walk.use("COMPOSE", rewards, 0.5 + deviation / 2, 0, -deviation / 2);
      walk.use("ADVANTAGE", Papers.grpo().of(rewards), Papers.grpoWrittenOut(rewards));
    }
  }

  @Test
  void webGenAgent() {
    try (Walk walk = Walk.of(36)) {
      // A step is judged by its appearance and by what its agent could do.
      Composition sum = Composition.additive(1, 1);
      double[] steps = {sum.of(3, 1), sum.of(4, 2), sum.of(2, 0)};
      walk.use("COMPOSE", steps, 4, 6, 2);
      walk.use("ADVANTAGE", Papers.grpo().of(steps), Papers.grpoWrittenOut(4, 6, 2));
    }
  }

  @Test
  void clipAndDelta() {
    try (Walk walk = Walk.of(39)) {
      double[] steps = {0.9, 0.4, 0.7, 0.2};
      walk.use("SHAPE", StepShaping.clip(0.5, steps), 0, -0.1, 0, -0.3);
      double[] delta = StepShaping.delta(steps);
      // The sum telescopes to the first step's reward.
      walk.use("SHAPE", delta[0] + delta[1] + delta[2] + delta[3], 0.9);
    }
  }

  @Test
  void pairwiseRl() {
    try (Walk walk = Walk.of(41)) {
      // The judge favours the first place by 0.1: shown in both orders, that goes away.
      double[][] shown = {{0, 0.8}, {0.4, 0}};
      PairMatrix matrix = PairMatrix.ofBothOrders(shown);
      walk.use("PAIR_MATRIX", matrix.preference(0, 1), -matrix.preference(1, 0));
      assertEquals(0.2, matrix.preference(0, 1), 1e-12);
    }
  }

  @Test
  void prism() {
    try (Walk walk = Walk.of(51)) {
      double[] scores = {1, 0, 2};
      double[] weights = SamplingWeights.softmax(0.5).of(scores);
      double all = Math.exp(2) + 1 + Math.exp(4);
      for (int i = 0; i < 3; i++) {
        assertEquals(
            Math.exp(2 * scores[i]) / all,
            weights[i] / (weights[0] + weights[1] + weights[2]),
            1e-12);
      }
      int[] particles = Resampling.SYSTEMATIC.draw(100, weights, new SplittableRandom(3));
      int best = 0;
      for (int particle : particles) {
        best += particle == 2 ? 1 : 0;
      }
      // Systematic resampling is within one of the expected count.
      walk.use("RESAMPLE", Math.abs(best - 100 * Math.exp(4) / all) <= 1 ? 1 : 0, 1);
      walk.use("VOTE", Vote.sum().of(List.of("a", "b", "a"), scores).totals().get("a"), 3);
    }
  }

  @Test
  void textToImageHacking() {
    try (Walk walk = Walk.of(55)) {
      float[] artefact = {1.5f, -0.5f};
      walk.loss(
          Loss.bce(walk.floats(1, 0)),
          artefact,
          s -> (Walk.softplus(-s[0]) + Walk.softplus(s[1])) / 2);
      walk.use(
          "ENSEMBLE",
          Ensemble.weightedSum(0.5, 0.5, -1).of(0.8, 0.6, Walk.sigmoid(artefact[0])),
          0.7 - Walk.sigmoid(1.5));
    }
  }

  @Test
  void pretrainingWithPreferences() {
    try (Walk walk = Walk.of(56)) {
      walk.use(
          "PAIR_WEIGHTS",
          new double[] {
            PairWeights.advantageWeighted(0.5, 2, 10), PairWeights.advantageWeighted(9, 1, 10)
          },
          Math.exp(0.25),
          10);
    }
  }

  @Test
  void regularizedRelevanceReward() {
    try (Walk walk = Walk.of(58)) {
      // a b twice in four bigrams a b, b a, a b, b b: one of four repeats.
      double repetition = LengthPenalty.repetition(List.of("a", "b", "a", "b", "b"), 2, -1);
      walk.use("SHAPE", repetition, -0.25);
      walk.use("COMPOSE", Composition.additive(1, 0.2, 1).of(0.6, 0.5, repetition), 0.45);
    }
  }

  @Test
  void stableReinforce() {
    try (Walk walk = Walk.of(61)) {
      boolean[] kept = BatchAdvantage.withinDeviations(1, Divisor.N, 0, 0, 0, 3);
      walk.use(
          "ADVANTAGE",
          new double[] {kept[0] ? 1 : 0, kept[3] ? 1 : 0, BatchAdvantage.clampedRatio(1e3, 20, 0)},
          1,
          0,
          1e3);
    }
  }

  @Test
  void searcherPreferences() {
    try (Walk walk = Walk.of(65)) {
      Composition gated = Composition.gated(List.of(0.5), List.of(0.6, 0.4));
      double[] rewards = {gated.of(0.9, 1, 0.5), gated.of(0.4, 1, 0.5)};
      walk.use("COMPOSE", rewards, 0.8, 0);
      walk.use("ADVANTAGE", Papers.grpo().of(rewards), Papers.grpoWrittenOut(0.8, 0));
    }
  }

  @Test
  void generativeRlhfV() {
    try (Walk walk = Walk.of(78)) {
      PairMatrix matrix =
          walk.use(
              "PAIR_MATRIX", PairMatrix.of(new double[][] {{0, 1, 1}, {-1, 0, 1}, {-1, -1, 0}}));
      double[] rates = matrix.winRates();
      assertEquals(1, rates[0], 1e-12);
      assertEquals(0.5, rates[1], 1e-12);
      walk.use("ADVANTAGE", Papers.grpo().of(rates), Papers.grpoWrittenOut(1, 0.5, 0));
    }
  }

  @Test
  void safeRVlm() {
    try (Walk walk = Walk.of(86)) {
      Composition criteria = Composition.additive(0.5, 0.5, -1);
      double[] rewards = {criteria.of(1, 0.5, 0), criteria.of(1, 1, 0.75)};
      walk.use("COMPOSE", rewards, 0.75, 0.25);
      walk.use("ADVANTAGE", Papers.grpo().of(rewards), Papers.grpoWrittenOut(0.75, 0.25));
    }
  }

  @Test
  void preferenceOrchestrator() {
    try (Walk walk = Walk.of(57)) {
      Spans prompt =
          walk.rows(IndexRule.lastByMask(), TokenSequence.unpadded(new long[] {1, 2, 3}, 1));
      Walk.Head gate = walk.head(HeadSpec.mlp(10, 8).outputWidth(3).build());
      float[] logits = walk.logits(gate, Pooling.index(), walk.hidden(3, 10), prompt);
      // Target: softmax of the normalised rewards of the preferred response, so dg = w - t.
      float[] target = {0.5f, 0.25f, 0.25f};
      walk.loss(
          Loss.crossEntropy(walk.longs(0, 3), CrossEntropy.Target.soft(walk.floats(target))),
          logits,
          s -> Walk.logSumExp(s) - 0.5 * s[0] - 0.25 * s[1] - 0.25 * s[2]);
      double[] weights = new double[3];
      for (int k = 0; k < 3; k++) {
        weights[k] = Math.exp(logits[k] - Walk.logSumExp(Walk.doubles(logits)));
      }
      walk.use("COMPOSE", Composition.additive(weights).of(1, 0, -1), weights[0] - weights[2]);
    }
  }

  @Test
  void earlyRejection() {
    try (Walk walk = Walk.of(3)) {
      long marker = 50;
      // Three beams, cut off after a few tokens; each is read at its last marker so far.
      Spans spans =
          walk.rows(
              IndexRule.atToken(marker),
              TokenSequence.unpadded(new long[] {1, 5, marker, 6, marker, 7, 8, marker}, 1));
      Walk.Head head = walk.head(HeadSpec.linear(6).build());
      float[] scores =
          walk.score(
              head,
              Pooling.index(),
              Readout.sigmoid(),
              walk.hidden(8, 6),
              spans,
              logit -> Walk.sigmoid(logit[0]));
      List<Integer> kept = walk.use("TOP_K", Selection.topK(2, Walk.doubles(scores)));
      int worst = 3 - kept.get(0) - kept.get(1);
      kept.forEach(beam -> assertEquals(true, scores[beam] > scores[worst]));
    }
  }
}
