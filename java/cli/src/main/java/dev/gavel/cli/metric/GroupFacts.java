package dev.gavel.cli.metric;

import dev.gavel.cli.rows.Row;
import dev.gavel.text.row.Unicode;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/**
 * What measuring and training need to know of a group of responses, its scores and vectors aside.
 *
 * @param prompt hash of the prompt: which part of a data set it belongs to
 * @param lengths of the responses, in code points
 * @param subset name of the part of a data set it belongs to
 * @param labels what people think of each response, higher is better
 */
public record GroupFacts(
    PromptHash prompt, List<Integer> lengths, Optional<String> subset, List<Double> labels) {
  /** Copies the lists. */
  public GroupFacts {
    lengths = List.copyOf(lengths);
    labels = List.copyOf(labels);
  }

  /** Of a row with labels. */
  public static GroupFacts of(Row row) {
    return new GroupFacts(
        PromptHash.of(row.promptText()),
        lengths(row.responses()),
        row.subset(),
        row.labels().orElseThrow());
  }

  /** Lengths of texts, in code points. */
  public static List<Integer> lengths(List<String> texts) {
    return texts.stream().map(Unicode::length).toList();
  }

  /** R, its responses. */
  public int responses() {
    return labels.size();
  }

  /** Whether one of its responses is liked better than another. */
  public boolean hasPreference() {
    return new HashSet<>(labels).size() > 1;
  }
}
