package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
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

  /** One score per response; NaN where a step's is, or the reduction is not defined. */
  static List<Float> reduced(StepReduction reduction, List<List<Float>> responses) {
    List<Float> scores = new ArrayList<>();
    for (List<Float> steps : responses) {
      double[] probabilities = steps.stream().mapToDouble(Float::doubleValue).toArray();
      scores.add(
          isDefined(reduction, probabilities)
              ? (float) reduction.ofProbabilities(probabilities).orElseThrow()
              : Float.NaN);
    }
    return scores;
  }

  // Probabilities of f32 reach 0 and 1: then the row has no score, and others still have theirs.
  private static boolean isDefined(StepReduction reduction, double... probabilities) {
    boolean opposite =
        reduction == StepReduction.MEAN_LOGIT
            && Arrays.stream(probabilities).anyMatch(p -> p == 0)
            && Arrays.stream(probabilities).anyMatch(p -> p == 1);
    return !opposite && Arrays.stream(probabilities).noneMatch(Double::isNaN);
  }
}
