package dev.gavel.text.row;

import java.util.ArrayList;
import java.util.List;

/** The error of a row that has scores which are no finite numbers. */
public final class NonFinite {
  private NonFinite() {}

  /** The error. */
  public static RowError error(List<Float> scores) {
    List<String> found = new ArrayList<>();
    String first = "";
    for (int i = 0; i < scores.size(); i++) {
      if (!Float.isFinite(scores.get(i))) {
        first = first.isEmpty() ? "responses[%d]".formatted(i) : first;
        found.add("%s for response %d".formatted(scores.get(i), i));
      }
    }
    return new RowError(
        first,
        String.join(", ", found),
        "the score is not a finite number: %s; the model's head or backbone gives values that are none"
            .formatted(String.join(", ", found)));
  }
}
