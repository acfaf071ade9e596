package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;

/**
 * A prompt and its responses.
 *
 * @param line line of the file, from 1
 * @param id text or whole number; the line's number where the row names none
 * @param prompt the prompt's text
 * @param responses at least one
 * @param subset name of the part of a data set it belongs to
 * @param labels what people think of each response, higher is better; empty where the row does not
 *     say, or nobody asked
 */
public record Row(
    long line,
    JsonNode id,
    String prompt,
    List<String> responses,
    Optional<String> subset,
    Optional<List<Double>> labels) {
  /** Copies the lists. */
  public Row {
    responses = List.copyOf(responses);
    labels = labels.map(List::copyOf);
  }
}
