package dev.gavel.text;

import java.util.List;

/** What responses answer: a text, or a conversation. */
public sealed interface Prompt {

  /** A prompt that is one text. */
  static Prompt text(String text) {
    return new Text(text);
  }

  /** A prompt that is a conversation; the responses are what the assistant says next. */
  static Prompt messages(List<ChatMessage> messages) {
    return new Messages(messages);
  }

  /**
   * A prompt that is one text.
   *
   * @param text the text, which may be empty
   */
  record Text(String text) implements Prompt {}

  /**
   * A prompt that is a conversation.
   *
   * @param messages its messages, in order, at least one
   */
  record Messages(List<ChatMessage> messages) implements Prompt {
    /** Checks that there is one. */
    public Messages {
      messages = List.copyOf(messages);
      if (messages.isEmpty()) {
        throw new dev.gavel.InvalidArgumentException(
            "messages is empty; a conversation must have at least one message");
      }
    }
  }
}
