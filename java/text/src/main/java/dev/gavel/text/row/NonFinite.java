package dev.gavel.text.row;

import dev.gavel.text.GroupScore;
import dev.gavel.text.Spread;
import java.util.ArrayList;
import java.util.List;

/** The error of a row that has scores or objectives which are no finite numbers. */
public final class NonFinite {
  private NonFinite() {}

  /**
   * The error.
   *
   * @param score of which some are none
   */
  public static RowError error(GroupScore score) {
    List<String> found = new ArrayList<>();
    List<String> places = new ArrayList<>();
    add("response %d", score.scores(), found, places);
    add("response %d", score.spread(), found, places);
    for (GroupScore.Objective objective : score.objectives()) {
      String where = "response %d, " + objective.name().replace("%", "%%");
      add(where, objective.values(), found, places);
      add(where, objective.spread(), found, places);
    }
    return new RowError(
        places.getFirst(),
        String.join(", ", found),
        "the score is not a finite number: %s; %s"
            .formatted(String.join(", ", found), reason(score)));
  }

  /**
   * Where it comes from, in words.
   *
   * @param score of which some are none
   */
  public static String reason(GroupScore score) {
    return isOfReduction(score)
        ? "its steps have finite scores, of which the step reduction makes none: of odds whose mean is more than f32 holds (a logit above 88), or of logits that are infinite with both signs. Use another reduction"
        : "the model's head or backbone gives values that are none";
  }

  private static boolean isOfReduction(GroupScore score) {
    List<List<Float>> steps = score.steps();
    return !steps.isEmpty()
        && steps.stream().allMatch(response -> response.stream().allMatch(Float::isFinite));
  }

  private static void add(
      String where, List<Float> values, List<String> found, List<String> places) {
    for (int i = 0; i < values.size(); i++) {
      if (!Float.isFinite(values.get(i))) {
        places.add("responses[" + i + "]");
        found.add("%s for %s".formatted(values.get(i), where.formatted(i)));
      }
    }
  }

  private static void add(String where, Spread spread, List<String> found, List<String> places) {
    switch (spread) {
      case Spread.None() -> {}
      case Spread.Variance(List<Float> values) -> add(where + ", variance", values, found, places);
      case Spread.Quantiles(List<List<Float>> values) -> {
        for (int i = 0; i < values.size(); i++) {
          for (float value : values.get(i)) {
            if (!Float.isFinite(value)) {
              places.add("responses[" + i + "]");
              found.add("%s for %s".formatted(value, (where + ", quantile").formatted(i)));
            }
          }
        }
      }
    }
  }
}
