package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.RowTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Checked access to the fields of a row. */
final class Fields {
  private final JsonNode object;

  Fields(JsonNode object) {
    this.object = object;
  }

  /** The value of a key, if it is there and not null. */
  Optional<JsonNode> optional(String name) {
    return Optional.ofNullable(object.get(name)).filter(node -> !node.isNull());
  }

  /** A text, which may be blank. */
  String text(String name) throws BadRowException {
    return text(name, required(name));
  }

  /** A text that says something. */
  String content(String name) throws BadRowException {
    return content(name, required(name));
  }

  /** One or more texts that say something: a text, or a list of them. */
  List<String> contents(String name) throws BadRowException {
    JsonNode given = required(name);
    return given.isArray() ? contents(name, given) : List.of(content(name, given));
  }

  static List<String> contents(String name, JsonNode given) throws BadRowException {
    if (given.isEmpty()) {
      throw new BadRowException(
          name, "[]", "%s is empty; it must hold at least one text".formatted(name));
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode node : given) {
      texts.add(content("%s[%d]".formatted(name, texts.size()), node));
    }
    return texts;
  }

  /** The keys of the row, for messages. */
  String names() {
    return "keys " + String.join(", ", (Iterable<String>) object::fieldNames);
  }

  static String content(String field, JsonNode node) throws BadRowException {
    return RowTexts.content(field, text(field, node));
  }

  static String text(String field, JsonNode node) throws BadRowException {
    if (!node.isTextual()) {
      throw new BadRowException(
          field, node.toString(), "%s is %s; it must be text".formatted(field, kind(node)));
    }
    RowTexts.requirePaired(field, node.asText());
    return node.asText();
  }

  /** What kind of JSON value it is, in words. */
  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case BOOLEAN -> "true or false";
      case NULL -> "null";
      case NUMBER -> "a number";
      case OBJECT -> "an object";
      case STRING -> "text";
      case BINARY, POJO, MISSING -> "nothing";
    };
  }

  private JsonNode required(String name) throws BadRowException {
    return optional(name)
        .orElseThrow(() -> new BadRowException(name, names(), "%s is missing".formatted(name)));
  }
}
