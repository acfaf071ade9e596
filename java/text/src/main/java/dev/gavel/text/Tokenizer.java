package dev.gavel.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Turns text into token ids with a Hugging Face {@code tokenizer.json}.
 *
 * <p>It adds no special tokens, cuts nothing and pads nothing: layouts do that, explicitly. Text is
 * text: where it contains the literal of a special token, such as {@code [SEP]}, it is taken apart
 * inside that literal, so that no response can place a separator or end a turn. Many threads may
 * use one.
 */
public final class Tokenizer implements AutoCloseable {
  static {
    // The tokeniser library would try to download a CUDA build where it finds a matching GPU.
    System.setProperty("RUST_FLAVOR", "cpu");
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  private final HuggingFaceTokenizer tokenizer;
  private final Map<String, Long> addedTokens;
  private final SpecialText specialText;

  private Tokenizer(
      HuggingFaceTokenizer tokenizer, Map<String, Long> addedTokens, SpecialText specialText) {
    this.tokenizer = tokenizer;
    this.addedTokens = addedTokens;
    this.specialText = specialText;
  }

  /**
   * Ids of a text.
   *
   * @param ids token ids without special tokens
   * @param specialLiterals places where the text had the literal of a special token, taken as plain
   *     text
   */
  public record Encoded(Tokens ids, int specialLiterals) {}

  /**
   * Loads a tokenizer.
   *
   * @param file a {@code tokenizer.json}
   * @throws FormatException if it cannot be read as one
   */
  public static Tokenizer load(Path file) {
    try {
      return load(Files.readAllBytes(file), file);
    } catch (IOException e) {
      throw new FormatException(file, "cannot be read: " + e, e);
    }
  }

  /**
   * Loads a tokenizer from memory.
   *
   * @param content what a {@code tokenizer.json} contains
   * @param name where it came from, for messages
   */
  static Tokenizer load(byte[] content, Path name) {
    Map<String, Long> added = new HashMap<>();
    Map<Long, String> special = new HashMap<>();
    String unknown;
    try {
      JsonNode root = JSON.readTree(content);
      if (!root.path("model").isObject()) {
        throw new FormatException(
            name, "has no object \"model\"; a Hugging Face tokenizer.json was expected");
      }
      unknown = root.path("model").path("unk_token").asText("");
      for (JsonNode token : root.path("added_tokens")) {
        String text = token.path("content").asText("");
        if (text.isEmpty() || !token.path("id").canConvertToLong()) {
          throw new FormatException(
              name, "has an added token without content or id: %s".formatted(token));
        }
        added.put(text, token.path("id").asLong());
        if (token.path("special").asBoolean()) {
          special.put(token.path("id").asLong(), text);
        }
      }
    } catch (IOException e) {
      throw new FormatException(name, "is not JSON: " + e.getMessage(), e);
    }
    try {
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(content),
              Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
      return new Tokenizer(tokenizer, added, new SpecialText(special, unknown));
    } catch (IOException | RuntimeException e) {
      throw new FormatException(name, "was refused by the tokenizer library: " + e.getMessage(), e);
    }
  }

  /** The id of an added token, for instance {@code [SEP]}. */
  public Optional<Long> id(String token) {
    return Optional.ofNullable(addedTokens.get(token));
  }

  /**
   * Encodes text as plain text.
   *
   * @throws InvalidArgumentException if it holds half of a surrogate pair, which no UTF-8 text can
   */
  public Encoded encode(String text) {
    requirePaired(text);
    SpecialText.Pieces pieces = specialText.cut(text);
    Tokens ids = Tokens.join(pieces.texts().stream().map(this::encodeTemplate).toList());
    specialText.requireNone(ids);
    return new Encoded(ids, pieces.literals());
  }

  /** Encodes text of a template, whose special tokens are meant as such. */
  Tokens encodeTemplate(String text) {
    requirePaired(text);
    return text.isEmpty()
        ? Tokens.none()
        : Tokens.of(tokenizer.encode(text, false, false).getIds());
  }

  /** Where special tokens' literals stand in a text. */
  SpecialText specialText() {
    return specialText;
  }

  /** Version of the tokenizer library. */
  static String libraryVersion() {
    String version = HuggingFaceTokenizer.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  @Override
  public void close() {
    tokenizer.close();
  }

  private static void requirePaired(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (Character.isHighSurrogate(unit)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(unit)) {
        throw new InvalidArgumentException(
            "text has an unpaired surrogate, U+%04X, at character %d; it is not valid Unicode: mend the source"
                .formatted((int) unit, i));
      }
    }
  }
}
