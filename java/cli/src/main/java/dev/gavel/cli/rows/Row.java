package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.Prompt;
import java.util.List;
import java.util.Optional;

/**
 * A prompt and its responses.
 *
 * @param line line of the file, from 1
 * @param id text or whole number; the line's number where the row names none
 * @param prompt a text or a conversation
 * @param promptText the text, or the conversation as {@link PromptField} writes it: to show, to
 *     hash, never to score
 * @param responses at least one
 * @param subset name of the part of a data set it belongs to
 * @param labels what people think of each response, higher is better; empty where the row does not
 *     say, or nobody asked
 * @param steps steps of each response, whose text is then its steps on a line each; empty where
 *     responses are given as texts
 */
public record Row(
    long line,
    JsonNode id,
    Prompt prompt,
    String promptText,
    List<String> responses,
    Optional<String> subset,
    Optional<List<Double>> labels,
    List<List<String>> steps) {
  /** Copies the lists. */
  public Row {
    responses = List.copyOf(responses);
    labels = labels.map(List::copyOf);
    steps = steps.stream().map(List::copyOf).toList();
  }

  /** A row whose texts were not kept: enough to say what it scored. */
  public static Row withoutTexts(long line, JsonNode id, Optional<String> subset) {
    return new Row(line, id, Prompt.text(""), "", List.of(), subset, Optional.empty(), List.of());
  }
}
