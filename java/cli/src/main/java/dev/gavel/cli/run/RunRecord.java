package dev.gavel.cli.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.input.Position;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A line of the record of a run. Each carries a checksum of itself, so that a line the disk holds
 * only half of is known as such.
 */
sealed interface RunRecord {
  /** The first line. */
  record Settings(RunSettings settings) implements RunRecord {}

  /** Output up to here is on the disk. */
  record At(Checkpoint checkpoint) implements RunRecord {}

  /** All of the output is on the disk, and is being moved, or was moved, to its place. */
  record Complete(Checkpoint checkpoint) implements RunRecord {}

  JsonMapper JSON = JsonMapper.builder().build();

  /** As a line, with its end. */
  static byte[] write(RunRecord record) {
    ObjectNode node = JSON.createObjectNode();
    switch (record) {
      case Settings(RunSettings settings) -> {
        ObjectNode values = node.put("kind", "settings").putObject("settings");
        settings.values().forEach(values::put);
      }
      case At(Checkpoint checkpoint) -> write(node.put("kind", "at"), checkpoint);
      case Complete(Checkpoint checkpoint) -> write(node.put("kind", "complete"), checkpoint);
    }
    String text = node.toString();
    return "{\"check\":\"%s\",\"record\":%s}\n"
        .formatted(check(text), text)
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Reads a line without its end; empty where it is not whole. */
  static Optional<RunRecord> read(String line) {
    try {
      JsonNode node = JSON.readTree(line);
      JsonNode record = node.path("record");
      // Jackson writes what it read with the same bytes: keys keep their order.
      if (!record.isObject() || !node.path("check").asText().equals(check(record.toString()))) {
        return Optional.empty();
      }
      return switch (record.path("kind").asText()) {
        case "settings" -> Optional.of(new Settings(settings(record.path("settings"))));
        case "at" -> Optional.of(new At(checkpoint(record)));
        case "complete" -> Optional.of(new Complete(checkpoint(record)));
        default -> Optional.empty();
      };
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  private static void write(ObjectNode node, Checkpoint checkpoint) {
    Position position = checkpoint.position();
    node.put("source", position.source()).put("offset", position.offset());
    node.put("line", position.line()).put("rows", position.rows());
    node.put("bytes", checkpoint.bytes()).put("crc", checkpoint.crc());
    ObjectNode counts = node.putObject("counts");
    new TreeMap<>(checkpoint.counts()).forEach(counts::put);
  }

  private static Checkpoint checkpoint(JsonNode node) {
    Map<String, Long> counts = new TreeMap<>();
    node.path("counts").properties().forEach(e -> counts.put(e.getKey(), e.getValue().asLong()));
    return new Checkpoint(
        new Position(
            node.path("source").asInt(),
            node.path("offset").asLong(),
            node.path("line").asLong(),
            node.path("rows").asLong()),
        node.path("bytes").asLong(),
        node.path("crc").asLong(),
        counts);
  }

  private static RunSettings settings(JsonNode node) {
    Map<String, String> values = new LinkedHashMap<>();
    node.properties().forEach(e -> values.put(e.getKey(), e.getValue().asText()));
    return new RunSettings(values);
  }

  private static String check(String text) {
    return WholeFile.checksum(text);
  }
}
