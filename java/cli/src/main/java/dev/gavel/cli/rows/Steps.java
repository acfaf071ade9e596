package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Responses that are given as lists of their steps. */
final class Steps {
  private Steps() {}

  /**
   * The steps of each response.
   *
   * @return empty where the responses are no lists of lists
   */
  static List<List<String>> read(Fields fields) throws BadRowException {
    Optional<JsonNode> responses = fields.optional("responses");
    if (responses.isEmpty() || !responses.get().path(0).isArray()) {
      return List.of();
    }
    List<List<String>> steps = new ArrayList<>();
    for (JsonNode response : responses.get()) {
      String name = "responses[%d]".formatted(steps.size());
      if (!response.isArray()) {
        throw new BadRowException(
            name,
            response.toString(),
            "%s is %s and responses[0] a list of steps; give all responses in the same form"
                .formatted(name, Fields.kind(response)));
      }
      steps.add(Fields.contents(name, response));
    }
    return steps;
  }
}
