package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The prompt of a row: the text of {@code prompt}, or a conversation in {@code messages}. One
 * message is its content; several become {@code role: content}, with an empty line between them.
 */
final class PromptField {
  private PromptField() {}

  static String read(Fields fields) throws BadRowException {
    boolean prompt = fields.optional("prompt").isPresent();
    boolean messages = fields.optional("messages").isPresent();
    if (prompt && messages) {
      throw new BadRowException(
          "messages", "prompt and messages", "the row has both prompt and messages; keep one");
    }
    if (messages) {
      return conversation(fields.optional("messages").get());
    }
    if (!prompt) {
      throw new BadRowException(
          "prompt", fields.names(), "prompt is missing; give a text, or messages");
    }
    return fields.content("prompt");
  }

  private static String conversation(JsonNode node) throws BadRowException {
    if (!node.isArray() || node.isEmpty()) {
      throw new BadRowException(
          "messages",
          node.toString(),
          "messages is %s; it must be a list of {\"role\", \"content\"}"
              .formatted(node.isArray() ? "empty" : Fields.kind(node)));
    }
    List<String> turns = new ArrayList<>();
    String content = "";
    String role = "";
    for (int i = 0; i < node.size(); i++) {
      String at = "messages[%d]".formatted(i);
      JsonNode message = node.get(i);
      if (!message.isObject()) {
        throw new BadRowException(
            at,
            message.toString(),
            "%s is %s; it must be {\"role\", \"content\"}".formatted(at, Fields.kind(message)));
      }
      role = Fields.content(at + ".role", message.path("role"));
      content = Fields.content(at + ".content", message.path("content"));
      turns.add("%s: %s".formatted(role, content));
    }
    if (role.equals("assistant")) {
      throw new BadRowException(
          "messages",
          "a last message of role assistant",
          "messages ends with a message of the assistant; give what is to be scored in responses");
    }
    return turns.size() == 1 ? content : String.join("\n\n", turns);
  }
}
