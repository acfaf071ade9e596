package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.UnsupportedException;
import dev.gavel.aggregation.StepReduction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** From the scores of steps to the score of their response. */
final class StepScores {
  private StepScores() {}

  /**
   * The reduction to use, where the model scores steps.
   *
   * @throws InvalidArgumentException if it was not chosen and is needed, or the other way round
   */
  static Optional<StepReduction> reduction(
      String model, RewardModel.Options options, Reading reading) {
    boolean steps = reading == Reading.STEPS;
    Optional<StepReduction> chosen = options.choices().stepReduction();
    if (steps && chosen.isEmpty()) {
      throw new InvalidArgumentException(
          "model %s scores the steps of a response, and there is no step reduction to make one score of them; choose one of %s by --step-reduction or ModelChoices"
              .formatted(model, Arrays.toString(StepReduction.values()).toLowerCase(Locale.ROOT)));
    }
    if (!steps && chosen.isPresent()) {
      throw new InvalidArgumentException(
          "step reduction is %s, and model %s gives one score per response; leave it out"
              .formatted(chosen.get(), model));
    }
    if (steps && options.layout().equals(Optional.of(Layout.JOINT))) {
      throw new InvalidArgumentException(
          "layout is joint and model %s judges the steps of one response at a time; use independent"
              .formatted(model));
    }
    return chosen;
  }

  /** Scores of all steps, response by response. */
  static List<List<Float>> byResponse(List<Float> scores, List<Integer> steps) {
    List<List<Float>> responses = new ArrayList<>();
    int from = 0;
    for (int count : steps) {
      responses.add(scores.subList(from, from + count));
      from += count;
    }
    return responses;
  }

  /**
   * The head that gives what the reduction is made of.
   *
   * @throws UnsupportedException if that are logits, and the scores of the head are not their
   *     probabilities
   */
  static ScoringHead head(String model, ScoringHead head, StepReduction reduction) {
    if (!reduction.needsLogits()) {
      return head;
    }
    if (!head.givesProbability()) {
      throw new UnsupportedException(
          "step reduction %s of model %s, whose steps have no logit: its readout is %s of %d outputs; use another reduction"
              .formatted(
                  reduction.toString().toLowerCase(Locale.ROOT),
                  model,
                  head.readout(),
                  head.head().spec().outputWidth()));
    }
    return head.withLogits();
  }

  /**
   * One score per response; NaN where a step's is, or the reduction is not defined.
   *
   * @param responses of each the logits of its steps where the reduction needs them, else their
   *     scores, so that for instance the least is exactly one of these
   */
  static List<Float> reduced(StepReduction reduction, List<List<Float>> responses) {
    return responses.stream().map(steps -> reduced(reduction, numbers(steps))).toList();
  }

  private static float reduced(StepReduction reduction, double... steps) {
    if (reduction.needsLogits()) {
      return reduction.isDefined(steps)
          ? (float) reduction.ofLogits(steps).orElseThrow()
          : Float.NaN;
    }
    return Arrays.stream(steps).anyMatch(Double::isNaN)
        ? Float.NaN
        : (float) reduction.ofProbabilities(steps).orElseThrow();
  }

  private static double[] numbers(List<Float> steps) {
    return steps.stream().mapToDouble(Float::doubleValue).toArray();
  }
}
