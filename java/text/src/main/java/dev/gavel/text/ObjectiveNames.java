package dev.gavel.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.FormatException;
import dev.gavel.text.row.Unicode;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** What the objectives of a head are called. */
final class ObjectiveNames {
  private ObjectiveNames() {}

  /** {@code objective_0}, {@code objective_1} and so on: where nothing names them. */
  static List<String> numbered(int count) {
    return IntStream.range(0, count).mapToObj(i -> "objective_" + i).toList();
  }

  /**
   * The labels of a publisher's {@code id2label}, where it has one for each objective, else {@link
   * #numbered}. {@code LABEL_0} is no name: transformers writes it where nobody gave one.
   *
   * @param config its config.json
   * @param file where that is, for messages
   * @throws FormatException if a label is no text, or two objectives have the same
   */
  static List<String> published(JsonNode config, Path file, int count) {
    JsonNode labels = config.path("id2label");
    List<String> keys = IntStream.range(0, count).mapToObj(Integer::toString).toList();
    if (labels.size() != count || !keys.stream().allMatch(labels::has)) {
      return numbered(count);
    }
    List<String> names = keys.stream().map(key -> name(labels.path(key), file)).toList();
    if (keys.stream().allMatch(key -> names.contains("LABEL_" + key))) {
      return numbered(count);
    }
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      if (!seen.add(name)) {
        throw new FormatException(
            file, "has the label '%s' twice in id2label; labels name objectives".formatted(name));
      }
    }
    return names;
  }

  private static String name(JsonNode label, Path file) {
    if (!label.isTextual() || label.asText().isBlank() || Unicode.unpaired(label.asText()) >= 0) {
      throw new FormatException(
          file,
          "has the label %s in id2label; it must be a text that is not blank, without halves of surrogate pairs"
              .formatted(Excerpt.of(label.toString())));
    }
    return label.asText();
  }
}
