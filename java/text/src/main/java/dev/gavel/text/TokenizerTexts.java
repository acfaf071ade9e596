package dev.gavel.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the tokenizer files of a publisher say beside the tokenizer itself: {@code
 * tokenizer_config.json} and {@code chat_template.jinja}.
 */
final class TokenizerTexts {
  /** A chat template may be inside it, and then this is its file. */
  static final String CONFIG = "tokenizer_config.json";

  private static final String TEMPLATE = "chat_template.jinja";
  private static final String TOKENIZER = "tokenizer.json";
  private static final int MOST_CONFIG_BYTES = 1 << 24;
  private static final int MOST_TOKENIZER_BYTES = 1 << 29;

  // What transformers hands to a template.
  private static final List<String> TOKENS =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  private final Path folder;
  private final JsonNode config;
  private final Map<String, String> tokens;

  private TokenizerTexts(Path folder, JsonNode config, Map<String, String> tokens) {
    this.folder = folder;
    this.config = config;
    this.tokens = tokens;
  }

  /**
   * Reads tokenizer_config.json.
   *
   * @throws FormatException if it is not one
   */
  static TokenizerTexts read(Path folder) {
    Path file = folder.resolve(CONFIG);
    JsonNode config =
        PublishedJson.parse(ModelFiles.read(file, MOST_CONFIG_BYTES))
            .orElseThrow(() -> new FormatException(file, "is not one JSON object"));
    Map<String, String> tokens = new LinkedHashMap<>();
    for (String name : TOKENS) {
      JsonNode node = config.path(name);
      // A text, or an object of how the token is matched.
      JsonNode literal = node.isObject() ? node.path("content") : node;
      if (literal.isTextual()) {
        tokens.put(name, literal.asText());
      } else if (!node.isMissingNode() && !node.isNull()) {
        throw new FormatException(
            file,
            "has %s = %s; it must be a text or an object with one as content"
                .formatted(name, Excerpt.of(node.toString())));
      }
    }
    return new TokenizerTexts(folder, config, tokens);
  }

  /** Literals of the named special tokens, as templates use them. */
  Map<String, String> tokens() {
    return tokens;
  }

  /**
   * The literal of a named special token.
   *
   * @throws FormatException if the tokenizer has none
   */
  String token(String name) {
    String literal = tokens.get(name);
    if (literal == null) {
      throw new FormatException(
          folder.resolve(CONFIG), "has no %s, which the model's sequences need".formatted(name));
    }
    return literal;
  }

  /**
   * The literal of the special token with this id.
   *
   * @throws FormatException if the tokenizer has none
   */
  String special(long id) {
    Path file = folder.resolve(TOKENIZER);
    return TokenizerFile.parse(ModelFiles.read(file, MOST_TOKENIZER_BYTES), file)
        .addedTokens()
        .entrySet()
        .stream()
        .filter(token -> token.getValue() == id)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow(() ->
            new FormatException(
                file, "has no added token %d, at which the model is read".formatted(id)));
  }

  /**
   * Checks that the tokenizer has these special tokens, which would be plain text otherwise.
   *
   * @throws FormatException if it lacks one
   */
  void require(String... literals) {
    Path file = folder.resolve(TOKENIZER);
    Map<String, Long> added =
        TokenizerFile.parse(ModelFiles.read(file, MOST_TOKENIZER_BYTES), file).addedTokens();
    for (String literal : literals) {
      if (!added.containsKey(literal)) {
        throw new FormatException(
            file, "has no token %s, which the model's sequences need".formatted(literal));
      }
    }
  }

  /**
   * Most tokens of a sequence, where it is told and bounds anything: transformers writes 10^30 for
   * no limit.
   *
   * @throws FormatException if it is not a number of tokens
   */
  Optional<Integer> longest() {
    JsonNode length = config.path("model_max_length");
    if (length.isMissingNode() || length.isNull()) {
      return Optional.empty();
    }
    if (!length.isIntegralNumber() || length.bigIntegerValue().signum() < 1) {
      throw new FormatException(
          folder.resolve(CONFIG),
          "has model_max_length = %s; it must be a number of tokens"
              .formatted(Excerpt.of(length.toString())));
    }
    return length.canConvertToInt() ? Optional.of(length.asInt()) : Optional.empty();
  }

  /**
   * The file with the chat template: {@value #TEMPLATE}, which transformers prefers, or {@value
   * #CONFIG}.
   *
   * @throws FormatException if there is none
   */
  String templateFile() {
    if (Files.exists(folder.resolve(TEMPLATE))) {
      return TEMPLATE;
    }
    if (config.hasNonNull("chat_template")) {
      return CONFIG;
    }
    throw new FormatException(
        folder.resolve(CONFIG),
        "has no chat_template, nor is there a %s; the model was trained on one: add it"
            .formatted(TEMPLATE));
  }

  /**
   * The template in {@value #CONFIG}: a text, or of several the one called default.
   *
   * @throws FormatException if there is none
   */
  String template() {
    JsonNode found = config.path("chat_template");
    if (found.isArray()) {
      for (JsonNode named : found) {
        if (named.path("name").asText().equals("default")) {
          found = named.path("template");
          break;
        }
      }
    }
    if (found.isTextual()) {
      return found.asText();
    }
    throw new FormatException(
        folder.resolve(CONFIG),
        "has chat_template = %s; it must be a text, or a list with one called default"
            .formatted(Excerpt.of(found.toString())));
  }
}
