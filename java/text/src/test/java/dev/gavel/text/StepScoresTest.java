package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.aggregation.StepReduction;
import java.util.List;
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

  /** Probabilities of f32 are 0 and 1 where logits are large: that is no end of the run. */
  @Test
  void stepsThatContradictMakeTheirResponseNone() {
    List<List<Float>> steps = List.of(List.of(1f, 0f), List.of(0.5f), List.of(1f, 1f));
    assertEquals(List.of(Float.NaN, 0.5f, 1f), StepScores.reduced(StepReduction.MEAN_LOGIT, steps));
    assertEquals(List.of(0.5f, 0.5f, 1f), StepScores.reduced(StepReduction.MEAN, steps));
  }
}
