package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.NOTHING;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VoteTest {
  private static final List<String> ANSWERS = List.of("7", "4", "7", "4", "9");
  private static final double[] SCORES = {0, Math.log(3), 0, 0, Math.log(9)};

  @Test
  void everyWeightByHand() {
    assertEquals(Map.of("7", 2.0, "4", 2.0, "9", 1.0), Vote.count().of(ANSWERS, SCORES).totals());
    assertEquals(
        Map.of("7", 0.0, "4", Math.log(3), "9", Math.log(9)),
        Vote.sum().of(ANSWERS, SCORES).totals());
    Map<String, Double> sigmoids = Vote.sigmoidSum().of(ANSWERS, SCORES).totals();
    assertEquals(1, sigmoids.get("7"), 1e-15);
    assertEquals(1.25, sigmoids.get("4"), 1e-15);
    assertEquals(0.9, sigmoids.get("9"), 1e-15);
    // exp(s) / 9: 2, 4 and 9 ninths; at T = 2 roots of that.
    Map<String, Double> exponentials = Vote.expSum(1).of(ANSWERS, SCORES).totals();
    assertEquals(2 / 9.0, exponentials.get("7"), 1e-15);
    assertEquals(4 / 9.0, exponentials.get("4"), 1e-15);
    assertEquals(1, exponentials.get("9"), 1e-15);
    assertEquals(2 / 3.0, Vote.expSum(2).of(ANSWERS, SCORES).totals().get("7"), 1e-15);
  }

  @Test
  void ofEqualAnswersARuleDecides() {
    Vote.Outcome<String> outcome = Vote.count().of(ANSWERS, SCORES);
    assertEquals(List.of("7", "4"), outcome.leaders());
    assertEquals("7", outcome.winner(TieRule.FIRST));
    assertEquals("4", outcome.winner(TieRule.LAST));
    refused("[7, 4]", () -> outcome.winner(TieRule.REFUSE));
    assertEquals("4", Vote.sigmoidSum().of(ANSWERS, SCORES).winner(TieRule.REFUSE));
  }

  @Test
  void largeScoresDoNotOverflow() {
    Vote.Outcome<String> outcome = Vote.expSum(0.01).of(List.of("a", "b"), 1e4, 1e4 - 1);
    assertEquals(1, outcome.totals().get("a"));
    assertEquals(Math.exp(-100), outcome.totals().get("b"), 1e-50);
  }

  @Test
  void aResponseWithoutATokenDoesNotVote() {
    assertEquals(Map.of("b", 1.0), Vote.count().of(List.of("a", "b"), NOTHING, -5).totals());
    refused("no response", () -> Vote.count().of(List.of("a"), NOTHING));
    refused("no response", () -> Vote.count().of(List.of()));
    refused("NaN", () -> Vote.count().of(List.of("a"), Double.NaN));
    refused("1 answers and 2 scores", () -> Vote.count().of(List.of("a"), 1, 2));
  }

  @Test
  void confidenceFallsAsAnswersScatter() {
    assertEquals(1, Vote.count().of(List.of("a", "a"), 0, 0).confidence());
    // Entropy ln 2: 2 (1 - 1 / (1 + 1/2)).
    assertEquals(2 / 3.0, Vote.count().of(List.of("a", "b"), 0, 0).confidence(), 1e-15);
    refused("no shares", () -> Vote.sum().of(List.of("a", "b"), -1, 2).confidence());
    refused("no shares", () -> Vote.sum().of(List.of("a"), 0).confidence());
  }

  @Test
  void onlyTrustedSamplesCount() {
    double[] samples = {10, 2, 3, 40};
    double[] meta = {0.1, 0.9, 0.5, 0.5};
    assertEquals(2, Vote.sumOfTrusted(1, samples, meta));
    assertEquals(5, Vote.sumOfTrusted(2, samples, meta));
    assertEquals(55, Vote.sumOfTrusted(4, samples, meta));
    refused("keep 5", () -> Vote.sumOfTrusted(5, samples, meta));
  }
}
