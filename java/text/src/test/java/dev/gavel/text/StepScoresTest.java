package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.UnsupportedException;
import dev.gavel.aggregation.StepReduction;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StepScoresTest {
  @Test
  void everyResponseHasItsOwnSteps() {
    assertEquals(
        List.of(List.of(0.5f), List.of(0.25f, 0.75f, 1f), List.of(0.125f)),
        StepScores.byResponse(List.of(0.5f, 0.25f, 0.75f, 1f, 0.125f), List.of(1, 3, 1)));
  }

  @Test
  void aStepThatIsNoNumberMakesItsResponseNone() {
    List<List<Float>> steps = List.of(List.of(0.5f, 0.25f), List.of(0.5f, Float.NaN), List.of(1f));
    assertEquals(List.of(0.25f, Float.NaN, 1f), StepScores.reduced(StepReduction.MIN, steps));
    assertEquals(List.of(0.125f, Float.NaN, 1f), StepScores.reduced(StepReduction.PRODUCT, steps));
  }

  /** Logits of f32 reach both infinities: that is no end of the run. */
  @Test
  void stepsThatContradictMakeTheirResponseNone() {
    float infinite = Float.POSITIVE_INFINITY;
    List<List<Float>> logits =
        List.of(
            List.of(infinite, -infinite),
            List.of(0f),
            List.of(infinite, 3f),
            List.of(2f, -infinite),
            List.of(1f, Float.NaN));
    assertEquals(
        List.of(Float.NaN, 0.5f, 1f, 0f, Float.NaN),
        StepScores.reduced(StepReduction.MEAN_LOGIT, logits));
    assertEquals(
        List.of(infinite, 1f, infinite, (float) (Math.exp(2) / 2), Float.NaN),
        StepScores.reduced(StepReduction.MEAN_ODDS, logits));
    assertEquals(
        List.of(0.5f, 0.5f, 1f),
        StepScores.reduced(
            StepReduction.MEAN, List.of(List.of(1f, 0f), List.of(0.5f), List.of(1f, 1f))));
  }

  /** From f32 probabilities the odds of logit 14 are 4 % wrong, and those above 17 infinite. */
  @Test
  void logitsAndOddsAreNotTakenFromRoundedProbabilities() {
    SplittableRandom random = new SplittableRandom(7);
    for (int trial = 0; trial < 2000; trial++) {
      List<Float> logits = new ArrayList<>();
      double odds = 0;
      double sum = 0;
      int steps = random.nextInt(1, 9);
      for (int i = 0; i < steps; i++) {
        float logit = (float) random.nextDouble(-60, 60);
        logits.add(logit);
        odds += Math.exp(logit);
        sum += logit;
      }
      double mean = 1 / (1 + Math.exp(-sum / steps));
      assertNear(odds / steps, StepScores.reduced(StepReduction.MEAN_ODDS, List.of(logits)));
      assertNear(mean, StepScores.reduced(StepReduction.MEAN_LOGIT, List.of(logits)));
    }
  }

  private static void assertNear(double expected, List<Float> scores) {
    assertEquals(expected, scores.getFirst(), 1e-7 * expected);
  }

  /** The least of the steps is one of the scores that are told, to the bit. */
  @Test
  void othersAreTakenFromTheScoresOfSteps() {
    SplittableRandom random = new SplittableRandom(8);
    for (int trial = 0; trial < 500; trial++) {
      List<Float> steps =
          random
              .doubles(random.nextInt(1, 9), -20, 20)
              .mapToObj(z -> (float) (1 / (1 + Math.exp(-z))))
              .toList();
      assertEquals(
          List.of(steps.stream().min(Float::compare).orElseThrow()),
          StepScores.reduced(StepReduction.MIN, List.of(steps)));
      assertEquals(
          List.of(steps.getLast()), StepScores.reduced(StepReduction.LAST, List.of(steps)));
    }
  }

  @Test
  void aHeadWithoutLogitsOfStepsIsRefused() {
    try (Context context = Context.open();
        ScoringHead head =
            ScoringHead.of(
                "test",
                RewardHead.create(context, HeadSpec.linear(2).build(), Init.normal(0.1f, 17)),
                Optional.empty(),
                Pooling.index(),
                Readout.identity(),
                _ -> List.of(),
                Optional.empty())) {
      assertSame(head, StepScores.head("test", head, StepReduction.MIN));
      for (StepReduction reduction : List.of(StepReduction.MEAN_LOGIT, StepReduction.MEAN_ODDS)) {
        UnsupportedException refused =
            assertThrows(
                UnsupportedException.class, () -> StepScores.head("test", head, reduction));
        assertTrue(
            String.valueOf(refused.getMessage())
                .startsWith(
                    "step reduction %s of model test"
                        .formatted(reduction.toString().toLowerCase(Locale.ROOT))));
      }
    }
  }
}
