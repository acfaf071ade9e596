package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The frame a chat template makes of a conversation: rendered with marks in place of the texts, it
 * shows where each text goes and what the template strips from it.
 *
 * <p>Nothing is taken on trust: every sequence is rendered with its real texts, too, and must equal
 * the frame with these texts in it.
 */
final class ChatFraming implements Framing {

  private static final String ASSISTANT = "assistant";

  private final ChatTemplate template;
  private final List<ChatMessage> messages;
  private final String separatorText;
  private final String before;
  private final String after;
  private final SequenceFrame frame;

  /**
   * Finds the frame.
   *
   * @param separators the frame whose separator and fillers stand between responses, and whose end
   *     stands after what the template puts after them
   * @param separatorText the same as text, with the separator's literal
   * @throws InvalidArgumentException if the template refuses the conversation, does not render the
   *     response in one place after the prompt, or a message has the text of a special token
   *     elsewhere than in its content
   */
  ChatFraming(
      ChatTemplate template,
      List<ChatMessage> messages,
      Tokenizer tokenizer,
      SequenceFrame separators,
      String separatorText) {
    this.template = template;
    this.messages = messages;
    this.separatorText = separatorText;
    requirePlainFields(tokenizer);
    int number = messages.size();
    Mark.Rendering bare = Mark.read(render(Mark.of(number)));
    if (!bare.numbers().equals(List.of(number))) {
      throw new InvalidArgumentException(
          "the chat template renders the assistant's last message %d times; it must do so once"
              .formatted(bare.numbers().size()));
    }
    this.before = bare.gaps().getFirst();
    this.after = bare.gaps().getLast();
    this.frame =
        new SequenceFrame(
            promptPieces(tokenizer),
            separators.beforeSeparator(),
            separators.separator(),
            separators.afterSeparator(),
            afterResponses(tokenizer, separators),
            separators.afterEndsResponse(),
            responseTrim(number));
  }

  /**
   * Contents are marked and found again, so literals in them stay text. Roles and other fields
   * decide what a template does and cannot be marked: what they leave in the rendering counts as
   * the template's own text, whose literals mean the special tokens.
   */
  private void requirePlainFields(Tokenizer tokenizer) {
    for (ChatMessage message : messages) {
      requirePlain(tokenizer, message.role());
      requirePlain(tokenizer, message.more());
    }
  }

  private static void requirePlain(Tokenizer tokenizer, @Nullable Object value) {
    switch (value) {
      case String text -> {
        if (tokenizer.specialLiterals("a message", text) > 0) {
          throw new InvalidArgumentException(
              "a message has the text of a special token in its role or another field, where it would become that token: '%s'; only its content may have it"
                  .formatted(Excerpt.of(text)));
        }
      }
      case Collection<?> values -> values.forEach(each -> requirePlain(tokenizer, each));
      case Map<?, ?> fields ->
          fields.forEach((key, each) -> {
            requirePlain(tokenizer, key);
            requirePlain(tokenizer, each);
          });
      case null, default -> {
        // Numbers, booleans and nothing become no token.
      }
    }
  }

  private List<Piece> afterResponses(Tokenizer tokenizer, SequenceFrame separators) {
    List<Piece> pieces = new ArrayList<>(tokenizer.fixedPieces(after));
    pieces.addAll(separators.after());
    return pieces;
  }

  @Override
  public SequenceFrame frame() {
    return frame;
  }

  @Override
  public void check(List<String> responses) {
    String text = String.join(separatorText, responses);
    String expected = before + frame.trim().apply(text, true, true) + after;
    if (!render(text).equals(expected)) {
      throw new InvalidArgumentException(
          "the chat template rewrites the response '%s', so its tokens cannot be told from the template's; change the response or the template"
              .formatted(Excerpt.of(text)));
    }
  }

  private String render(String response) {
    List<ChatMessage> all = new ArrayList<>(messages);
    all.add(ChatMessage.of(ASSISTANT, response));
    return template.render(all, false);
  }

  private Trim responseTrim(int number) {
    Mark.Rendering padded = Mark.read(render(Mark.padded(number)));
    if (padded.gaps().size() != 2) {
      return Trim.NOTHING; // the check of every sequence then decides
    }
    Trim left = Mark.between(before, padded.gaps().getFirst(), false, true);
    Trim right = Mark.between(after, padded.gaps().getLast(), true, false);
    return new Trim(left.left(), right.right());
  }

  private List<Piece> promptPieces(Tokenizer tokenizer) {
    ChatMessage response = ChatMessage.of(ASSISTANT, Mark.of(messages.size()));
    Optional<List<Piece.Text>> parts = PromptParts.find(template, messages, response, before);
    if (parts.isEmpty()) {
      return rewrittenPrompt(tokenizer);
    }
    List<Piece> pieces = new ArrayList<>();
    for (Piece.Text part : parts.get()) {
      if (part instanceof Piece.Fixed fixed) {
        pieces.addAll(tokenizer.fixedPieces(fixed.text()));
      } else {
        pieces.add(part);
      }
    }
    return pieces;
  }

  /** The prompt as one text that is never cut, since nobody knows what of it is the template's. */
  private List<Piece> rewrittenPrompt(Tokenizer tokenizer) {
    for (ChatMessage message : messages) {
      if (tokenizer.specialLiterals("a message", message.content()) > 0) {
        throw new InvalidArgumentException(
            "the chat template rewrites the messages, and one has the text of a special token, which would become that token: '%s'; change the message or the template"
                .formatted(Excerpt.of(message.content())));
      }
    }
    List<Piece> pieces = new ArrayList<>();
    for (Piece piece : tokenizer.fixedPieces(before)) {
      pieces.add(
          piece instanceof Piece.Fixed fixed ? new Piece.Prompt(fixed.text(), false) : piece);
    }
    return pieces;
  }
}
