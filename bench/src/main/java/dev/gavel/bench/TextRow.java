package dev.gavel.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A prompt with its responses, and the line it came from.
 *
 * @param line JSON
 * @param prompt text
 * @param responses texts
 */
record TextRow(String line, String prompt, List<String> responses) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static TextRow parse(String line) throws IOException {
    JsonNode row = JSON.readTree(line);
    List<String> responses = new ArrayList<>();
    if (row.has("responses")) {
      row.get("responses").forEach(response -> responses.add(response.asText()));
    } else {
      responses.add(row.get("chosen").asText());
      responses.add(row.get("rejected").asText());
    }
    return new TextRow(line, row.get("prompt").asText(), List.copyOf(responses));
  }

  static List<String> lines(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IllegalArgumentException(
          "no %s: name a file of rows with --data (docs/command-line.md)".formatted(file));
    }
    return Files.readAllLines(file);
  }
}
