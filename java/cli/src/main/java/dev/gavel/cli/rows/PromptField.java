package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.ChatMessage;
import dev.gavel.text.Prompt;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The prompt of a row: the text of {@code prompt}, or a conversation in {@code messages}.
 *
 * @param prompt what the model reads
 * @param text the prompt in one text: that of {@code prompt}, the content of the user's only
 *     message, or {@code role: content} of every message with an empty line between them
 */
record PromptField(Prompt prompt, String text) {

  static PromptField read(Fields fields) throws BadRowException {
    boolean prompt = fields.optional("prompt").isPresent();
    Optional<JsonNode> messages = fields.optional("messages");
    if (prompt && messages.isPresent()) {
      throw new BadRowException(
          "messages", "prompt and messages", "the row has both prompt and messages; keep one");
    }
    if (messages.isPresent()) {
      return conversation(messages.get());
    }
    if (!prompt) {
      throw new BadRowException(
          "prompt", fields.names(), "prompt is missing; give a text, or messages");
    }
    String text = fields.content("prompt");
    return new PromptField(Prompt.text(text), text);
  }

  private static PromptField conversation(JsonNode node) throws BadRowException {
    if (!node.isArray() || node.isEmpty()) {
      throw new BadRowException(
          "messages",
          node.toString(),
          "messages is %s; it must be a list of {\"role\", \"content\"}"
              .formatted(node.isArray() ? "empty" : Fields.kind(node)));
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (int i = 0; i < node.size(); i++) {
      messages.add(message("messages[%d]".formatted(i), node.get(i)));
    }
    if (messages.getLast().role().equals("assistant")) {
      throw new BadRowException(
          "messages",
          "a last message of role assistant",
          "messages ends with a message of the assistant; give what is to be scored in responses");
    }
    String text =
        messages.size() == 1 && messages.getFirst().role().equals("user")
            ? messages.getFirst().content()
            : String.join(
                "\n\n",
                messages.stream().map(m -> "%s: %s".formatted(m.role(), m.content())).toList());
    return new PromptField(Prompt.messages(messages), text);
  }

  private static ChatMessage message(String at, JsonNode node) throws BadRowException {
    if (!node.isObject()) {
      throw new BadRowException(
          at,
          node.toString(),
          "%s is %s; it must be {\"role\", \"content\"}".formatted(at, Fields.kind(node)));
    }
    for (String field : List.of("role", "content")) {
      if (!node.has(field)) {
        throw new BadRowException(
            at + "." + field,
            node.toString(),
            "%s.%s is missing; a message is {\"role\", \"content\"}".formatted(at, field));
      }
    }
    return ChatMessage.of(
        Fields.content(at + ".role", node.path("role")),
        Fields.content(at + ".content", node.path("content")));
  }
}
