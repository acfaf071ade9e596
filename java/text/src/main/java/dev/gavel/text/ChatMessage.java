package dev.gavel.text;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One message of a conversation.
 *
 * @param role who speaks, for instance {@code user}
 * @param content the text
 * @param more other fields that the chat template may read: strings, booleans, integers, doubles,
 *     lists, maps with string keys, {@code Optional.empty()} for null
 */
public record ChatMessage(String role, String content, Map<String, Object> more) {
  /** Copies the map. */
  public ChatMessage {
    more = Map.copyOf(more);
  }

  /** A message with a role and a text only. */
  public static ChatMessage of(String role, String content) {
    return new ChatMessage(role, content, Map.of());
  }

  /** The same with another text. */
  ChatMessage withContent(String newContent) {
    return new ChatMessage(role, newContent, more);
  }

  /** The fields as a template sees them. */
  Map<String, Object> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    fields.putAll(more);
    return fields;
  }
}
