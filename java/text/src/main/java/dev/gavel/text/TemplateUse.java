package dev.gavel.text;

import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.text.ModelConfig.ChatTemplateConfig;
import dev.gavel.text.ModelConfig.SequenceConfig;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** How a model makes the frame of a sequence from a prompt: by fixed parts, or by its template. */
final class TemplateUse {

  // A model of one response at a time has none; nothing but the layout JOINT places one, and the
  // model refuses that.
  private static final long NO_SEPARATOR = -1;

  // The longest published templates have some twenty thousand.
  private static final int MOST_BYTES = 1 << 22;

  private enum Renders {
    NOTHING,
    PROMPT,
    CONVERSATION
  }

  private final Tokenizer tokenizer;
  private final Optional<String> apart;
  private final SequenceFrame fixed;
  private final List<Piece> afterPrompt;
  private final String separatorText;
  private final Renders renders;
  private final Optional<ChatTemplate> template;
  private final String description;

  private TemplateUse(
      Tokenizer tokenizer,
      SequenceConfig sequence,
      long separator,
      Renders renders,
      Optional<ChatTemplate> template,
      String description,
      HeadReading reading) {
    Optional<Tokens> stepEnd = reading.stepEnd().map(text -> stepEnd(text, tokenizer));
    this.tokenizer = tokenizer;
    this.apart = reading.apart();
    this.renders = renders;
    this.fixed =
        new SequenceFrame(
            pieces(sequence.prefix()),
            stepEnd
                .map(TemplateUse::allButTheLast)
                .orElseGet(() -> pieces(sequence.beforeSeparator())),
            stepEnd.map(tokens -> tokens.id(tokens.size() - 1)).orElse(separator),
            afterSeparator(sequence),
            pieces(sequence.suffix()),
            sequence.suffixEndsResponse(),
            Trim.NOTHING);
    // TRL tokenises the prompt, each step and what ends one by themselves.
    this.afterPrompt =
        stepEnd.isPresent() ? List.of(new Piece.Break()) : pieces(sequence.afterPrompt());
    this.separatorText =
        sequence.beforeSeparator() + sequence.separator() + sequence.afterSeparator();
    this.template = template;
    this.description = description;
  }

  /**
   * Reads it from a configuration.
   *
   * @param reading which of its parts are tokenised by themselves
   * @throws FormatException if the parts do not fit together, or to the tokenizer
   */
  static TemplateUse open(
      ModelConfig config, Path folder, Tokenizer tokenizer, HeadReading reading) {
    Path file = folder.resolve(ModelConfig.FILE);
    SequenceConfig sequence = config.sequence();
    ChatTemplateConfig chat = config.chatTemplate();
    Renders renders =
        switch (chat.renders()) {
          case "nothing" -> Renders.NOTHING;
          case "prompt" -> Renders.PROMPT;
          case "conversation" -> Renders.CONVERSATION;
          default ->
              throw new FormatException(
                  file,
                  "has chat_template.renders '%s'; it must be prompt, conversation or nothing"
                      .formatted(chat.renders()));
        };
    if ((renders == Renders.NOTHING) != chat.file().isEmpty()) {
      throw new FormatException(
          file,
          "has chat_template.file '%s' and renders '%s'; a template renders something, and nothing needs no file"
              .formatted(chat.file(), chat.renders()));
    }
    boolean ownFrame = !sequence.prefix().isEmpty() || !sequence.afterPrompt().isEmpty();
    if (renders == Renders.CONVERSATION && ownFrame) {
      throw new FormatException(
          file,
          "has a chat template that renders the conversation, and sequence parts prefix or"
              + " after_prompt beside it; leave them empty, the template gives them");
    }
    try {
      return new TemplateUse(
          tokenizer,
          sequence,
          separator(sequence, tokenizer),
          renders,
          template(chat, folder),
          description(chat, folder),
          reading);
    } catch (InvalidArgumentException e) {
      throw new FormatException(file, "does not fit its files: " + e.getMessage(), e);
    }
  }

  private List<Piece> afterSeparator(SequenceConfig sequence) {
    List<Piece> pieces = new ArrayList<>();
    if (renders == Renders.NOTHING) {
      pieces.add(new Piece.Break());
    }
    pieces.addAll(pieces(sequence.afterSeparator()));
    return pieces;
  }

  /**
   * Pieces of a fixed part, with breaks around what is tokenised by itself. Without a template the
   * texts between special tokens are those that an encoder takes as a pair, each tokenised by
   * itself; a rendered conversation is one text.
   */
  private List<Piece> pieces(String part) {
    List<Piece> whole = new ArrayList<>();
    for (Piece piece : tokenizer.fixedPieces(part)) {
      whole.add(piece);
      if (renders == Renders.NOTHING && piece instanceof Piece.Special) {
        whole.add(new Piece.Break());
      }
    }
    if (apart.isEmpty()) {
      return whole;
    }
    List<Piece> pieces = new ArrayList<>();
    for (Piece piece : whole) {
      if (piece instanceof Piece.Fixed(String text)) {
        addApart(pieces, text, apart.get());
      } else {
        pieces.add(piece);
      }
    }
    return pieces;
  }

  private static void addApart(List<Piece> pieces, String text, String apart) {
    int from = 0;
    int at = text.indexOf(apart);
    while (at >= 0) {
      if (at > from) {
        pieces.add(new Piece.Fixed(text.substring(from, at)));
      }
      pieces.add(new Piece.Break());
      pieces.add(new Piece.Fixed(apart));
      pieces.add(new Piece.Break());
      from = at + apart.length();
      at = text.indexOf(apart, from);
    }
    if (from < text.length()) {
      pieces.add(new Piece.Fixed(text.substring(from)));
    }
  }

  private static long separator(SequenceConfig sequence, Tokenizer tokenizer) {
    if (!sequence.hasSeparator()) {
      if (!sequence.beforeSeparator().isEmpty() || !sequence.afterSeparator().isEmpty()) {
        throw new InvalidArgumentException(
            "there are fillers around a separator and no separator; name the token between them");
      }
      return NO_SEPARATOR;
    }
    List<Piece> pieces = tokenizer.fixedPieces(sequence.separator());
    if (pieces.size() == 1 && pieces.getFirst() instanceof Piece.Special(long id)) {
      return id;
    }
    throw new InvalidArgumentException(
        "the separator '%s' must be exactly one special token of the tokenizer"
            .formatted(sequence.separator()));
  }

  private static Tokens stepEnd(String text, Tokenizer tokenizer) {
    Tokens tokens = tokenizer.encode(text).ids();
    if (tokens.size() == 0) {
      throw new InvalidArgumentException(
          "the step separator '%s' has no tokens; it must have at least one, at which a step is read"
              .formatted(Excerpt.of(text)));
    }
    return tokens;
  }

  private static List<Piece> allButTheLast(Tokens tokens) {
    List<Piece> pieces = new ArrayList<>();
    for (int i = 0; i < tokens.size() - 1; i++) {
      pieces.add(new Piece.Special(tokens.id(i)));
    }
    return pieces;
  }

  private static Optional<ChatTemplate> template(ChatTemplateConfig chat, Path folder) {
    return chat.file().isEmpty()
        ? Optional.empty()
        : Optional.of(ChatTemplate.parse(source(chat, folder)).withVariables(chat.variables()));
  }

  private static String source(ChatTemplateConfig chat, Path folder) {
    if (chat.file().equals(BuiltInModel.PLAIN_TEMPLATE)) {
      return BuiltInModel.PLAIN_TEMPLATE_SOURCE;
    }
    if (chat.file().equals(TokenizerTexts.CONFIG)) {
      return TokenizerTexts.read(folder).template();
    }
    Path file = ModelFiles.inside(folder, chat.file());
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(java.nio.ByteBuffer.wrap(ModelFiles.read(file, MOST_BYTES)))
          .toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(file, "is not UTF-8: " + e.getMessage(), e);
    }
  }

  private static String description(ChatTemplateConfig chat, Path folder) {
    return chat.file().isEmpty()
        ? "none"
        : "%s sha256:%s"
            .formatted(chat.file(), ChatTemplate.sha256(source(chat, folder)).substring(0, 12));
  }

  /** The template as rows report it: its file and the start of its hash, or "none". */
  String description() {
    return description;
  }

  /**
   * The frame of a prompt's sequences.
   *
   * @throws InvalidArgumentException if the model takes no conversations, or the template refuses
   *     this one
   */
  Framing framing(Prompt prompt) {
    return switch (renders) {
      case CONVERSATION ->
          new ChatFraming(
              template.orElseThrow(), messages(prompt), tokenizer, fixed, separatorText);
      case PROMPT ->
          Framing.of(
              around(
                  switch (prompt) {
                    case Prompt.Text(String text) -> text;
                    case Prompt.Messages(List<ChatMessage> messages) ->
                        template.orElseThrow().render(messages, false);
                  }));
      case NOTHING -> {
        if (prompt instanceof Prompt.Text(String text)) {
          yield Framing.of(around(text));
        }
        throw new InvalidArgumentException(
            "the prompt is a conversation and the model has no chat template; give the prompt as"
                + " one text");
      }
    };
  }

  private static List<ChatMessage> messages(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Text(String text) -> List.of(ChatMessage.of("user", text));
      case Prompt.Messages(List<ChatMessage> messages) -> messages;
    };
  }

  private SequenceFrame around(String prompt) {
    List<Piece> before = new ArrayList<>(fixed.before());
    before.add(new Piece.Prompt(prompt, true));
    before.addAll(afterPrompt);
    return new SequenceFrame(
        before,
        fixed.beforeSeparator(),
        fixed.separator(),
        fixed.afterSeparator(),
        fixed.after(),
        fixed.afterEndsResponse(),
        fixed.trim());
  }
}
