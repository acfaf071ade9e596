package dev.gavel.spark;

import dev.gavel.text.ChatMessage;
import dev.gavel.text.Prompt;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.RowTexts;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import scala.collection.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Reads values of columns by the rules of {@code gavel score} (docs/command-line.md): {@code
 * prompt} or {@code messages}, and {@code responses} or {@code chosen} and {@code rejected}; null
 * is as if the column were not there.
 */
final class RowReader {
  private RowReader() {}

  /**
   * What is scored of a row.
   *
   * @param prompt a text or a conversation
   * @param responses at least one; empty where they are given in steps
   * @param steps the steps of each response; empty where responses are texts
   */
  record Texts(Prompt prompt, List<String> responses, List<List<String>> steps) {
    /** Tokenises them. */
    TextBackbone.Tokenized prepare(RewardModel model) {
      return steps.isEmpty() ? model.prepare(prompt, responses) : model.prepareSteps(prompt, steps);
    }

    /** Bytes of all texts in UTF-8. */
    long bytes() {
      long bytes = 0;
      switch (prompt) {
        case Prompt.Text(String text) -> bytes += length(text);
        case Prompt.Messages(List<ChatMessage> messages) -> {
          for (ChatMessage message : messages) {
            bytes += length(message.role()) + length(message.content());
          }
        }
      }
      return bytes
          + length(responses)
          + steps.stream().mapToLong(response -> length(response)).sum();
    }

    private static long length(List<String> texts) {
      return texts.stream().mapToLong(text -> length(text)).sum();
    }

    private static long length(String text) {
      return text.getBytes(StandardCharsets.UTF_8).length;
    }
  }

  /** Reads the columns of a data frame's row. */
  static Texts read(Row row, int longestRow) throws BadRowException {
    Object prompt = value(row, "prompt");
    Object messages = value(row, "messages");
    if (prompt != null && messages != null) {
      throw new BadRowException(
          "messages", "prompt and messages", "the row has both prompt and messages; keep one");
    }
    Object chosen = value(row, "chosen");
    Object rejected = value(row, "rejected");
    Object responses = value(row, "responses");
    if (chosen == null && rejected == null) {
      return read(messages == null ? prompt : messages, responses, longestRow);
    }
    Prompt read = prompt(messages == null ? prompt : messages);
    if (responses != null) {
      throw new BadRowException(
          "responses",
          "responses beside chosen or rejected",
          "the row has responses and chosen or rejected; keep one form");
    }
    List<String> texts = new ArrayList<>(responses("chosen", chosen));
    texts.addAll(responses("rejected", rejected));
    return checked(new Texts(read, List.copyOf(texts), List.of()), longestRow);
  }

  /**
   * Reads two values.
   *
   * @param prompt a text, or an array of structs with role and content
   * @param responses an array of texts, or of arrays of texts, which are steps
   */
  static Texts read(@Nullable Object prompt, @Nullable Object responses, int longestRow)
      throws BadRowException {
    Prompt read = prompt(prompt);
    if (responses == null) {
      throw new BadRowException(
          "responses",
          "null",
          "responses is missing; give a list of texts, or chosen and rejected");
    }
    return checked(
        isInSteps(responses)
            ? new Texts(read, List.of(), steps((Seq<?>) responses))
            : new Texts(read, responses("responses", responses), List.of()),
        longestRow);
  }

  private static Texts checked(Texts texts, int longestRow) throws BadRowException {
    long bytes = texts.bytes();
    if (bytes > longestRow) {
      throw new BadRowException(
          "row",
          "%d bytes".formatted(bytes),
          "the row has %d bytes of text; at most %d are scored: raise the longest row, and the memory of executors with it"
              .formatted(bytes, longestRow));
    }
    return texts;
  }

  private static Prompt prompt(@Nullable Object value) throws BadRowException {
    if (value == null) {
      throw new BadRowException("prompt", "null", "prompt is missing; give a text, or messages");
    }
    if (!(value instanceof Seq<?> messages)) {
      return Prompt.text(text("prompt", value));
    }
    List<ChatMessage> conversation = new ArrayList<>();
    for (Object message : CollectionConverters.asJava(messages)) {
      conversation.add(message("messages[" + conversation.size() + "]", message));
    }
    if (conversation.isEmpty()) {
      throw new BadRowException(
          "messages", "[]", "messages is empty; it must be a list of {\"role\", \"content\"}");
    }
    if (conversation.getLast().role().equals("assistant")) {
      throw new BadRowException(
          "messages",
          "a last message of role assistant",
          "messages ends with a message of the assistant; give what is to be scored in responses");
    }
    return Prompt.messages(conversation);
  }

  private static ChatMessage message(String at, @Nullable Object value) throws BadRowException {
    if (!(value instanceof Row message)) {
      throw new BadRowException(
          at,
          kind(value),
          "%s is %s; it must be {\"role\", \"content\"}".formatted(at, kind(value)));
    }
    return ChatMessage.of(
        text(at + ".role", value(message, "role")),
        text(at + ".content", value(message, "content")));
  }

  // A text is a list of one, as with gavel score.
  private static List<String> responses(String name, @Nullable Object value)
      throws BadRowException {
    if (!(value instanceof Seq<?> texts)) {
      return List.of(text(name, value));
    }
    List<String> read = new ArrayList<>();
    for (Object text : CollectionConverters.asJava(texts)) {
      read.add(text(name + "[" + read.size() + "]", text));
    }
    if (read.isEmpty()) {
      throw new BadRowException(
          name, "[]", "%s is empty; it must hold at least one text".formatted(name));
    }
    return List.copyOf(read);
  }

  // The type of the column says so; the first that is not null has it.
  private static boolean isInSteps(Object responses) {
    return responses instanceof Seq<?> list
        && CollectionConverters.asJava(list).stream().anyMatch(Seq.class::isInstance);
  }

  private static List<List<String>> steps(Seq<?> responses) throws BadRowException {
    List<List<String>> read = new ArrayList<>();
    for (Object response : CollectionConverters.asJava(responses)) {
      String name = "responses[" + read.size() + "]";
      if (!(response instanceof Seq<?>)) {
        throw new BadRowException(
            name,
            kind(response),
            "%s is %s; it must be a list of steps".formatted(name, kind(response)));
      }
      read.add(responses(name, response));
    }
    return List.copyOf(read);
  }

  private static String text(String field, @Nullable Object value) throws BadRowException {
    if (!(value instanceof String text)) {
      throw new BadRowException(
          field, kind(value), "%s is %s; it must be text".formatted(field, kind(value)));
    }
    return RowTexts.content(field, text);
  }

  // The types of columns that are given one by one are not checked before.
  private static String kind(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case String _ -> "a text";
      case Seq<?> _ -> "an array";
      case Row _ -> "a struct";
      default -> "of type " + value.getClass().getSimpleName();
    };
  }

  private static @Nullable Object value(Row row, String name) {
    return row.schema().getFieldIndex(name).isEmpty() ? null : row.get(row.fieldIndex(name));
  }
}
