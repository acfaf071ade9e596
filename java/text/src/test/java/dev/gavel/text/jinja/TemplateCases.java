package dev.gavel.text.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The cases that {@code src/test/python/make_template_cases.py} rendered with Jinja itself. */
final class TemplateCases {

  private static final String RESOURCE = "/dev/gavel/text/template-cases.json";

  private TemplateCases() {}

  /**
   * One template with variables and what Jinja made of it.
   *
   * @param expected Jinja's text, or empty where Jinja refused
   * @param refusedHere whether Jinja renders it and this renderer says that it will not
   * @param raisedMessage the message where the template itself raised it
   */
  record Case(
      String name,
      String template,
      Map<String, Object> variables,
      Optional<String> expected,
      boolean refusedHere,
      Optional<String> raisedMessage,
      LocalDateTime now) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Case> all() {
    JsonNode root;
    try (InputStream in = TemplateCases.class.getResourceAsStream(RESOURCE)) {
      root = new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    LocalDateTime now = LocalDateTime.parse(root.get("now").asText());
    List<Case> cases = new ArrayList<>();
    for (JsonNode entry : root.get("cases")) {
      Map<String, Object> variables = new LinkedHashMap<>();
      entry
          .get("variables")
          .properties()
          .forEach(e -> variables.put(e.getKey(), toJava(e.getValue())));
      cases.add(
          new Case(
              entry.get("name").asText(),
              root.get("templates").get(entry.get("template").asInt()).asText(),
              variables,
              text(entry, "expected"),
              entry.path("refused_here").asBoolean(),
              entry.path("raised").asBoolean() ? text(entry, "message") : Optional.empty(),
              now));
    }
    return cases;
  }

  private static Optional<String> text(JsonNode entry, String field) {
    return entry.has(field) ? Optional.of(entry.get(field).asText()) : Optional.empty();
  }

  private static Object toJava(JsonNode node) {
    return switch (node.getNodeType()) {
      case STRING -> node.asText();
      case BOOLEAN -> node.asBoolean();
      case NULL -> Optional.empty();
      case NUMBER -> node.isIntegralNumber() ? (Object) node.asLong() : node.asDouble();
      case ARRAY -> {
        List<Object> items = new ArrayList<>();
        node.forEach(item -> items.add(toJava(item)));
        yield items;
      }
      case OBJECT -> {
        Map<String, Object> members = new LinkedHashMap<>();
        node.properties().forEach(e -> members.put(e.getKey(), toJava(e.getValue())));
        yield members;
      }
      default -> throw new IllegalArgumentException("unexpected " + node.getNodeType());
    };
  }
}
