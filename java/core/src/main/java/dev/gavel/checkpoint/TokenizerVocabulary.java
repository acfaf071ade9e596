package dev.gavel.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Looks one token up in the vocabulary of a {@code tokenizer.json}, without keeping the rest. */
final class TokenizerVocabulary {
  static final String FILE = "tokenizer.json";
  private static final int DEEPEST = 100;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
          .build();

  private TokenizerVocabulary() {}

  /**
   * The id of a token.
   *
   * @param file a {@value #FILE}
   * @throws FormatException if the vocabulary does not have it
   */
  static long id(Path file, String token) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new FormatException(file, "is a folder, a pipe or a device; it must be a file");
    }
    // A decoder of its own: Jackson would guess UTF-16 or UTF-32 from the first bytes.
    try (Reader in =
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder());
        JsonParser parser = FACTORY.createParser(in)) {
      OptionalLong id = OptionalLong.empty();
      if (parser.nextToken() == JsonToken.START_OBJECT
          && enter(parser, "model")
          && enter(parser, "vocab")) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          boolean found = parser.currentName().equals(token);
          JsonToken value = parser.nextToken();
          if (found && value == JsonToken.VALUE_NUMBER_INT && parser.getLongValue() >= 0) {
            // Which of two counts depends on who reads it.
            if (id.isPresent()) {
              throw new FormatException(
                  file, "has token '%s' twice in its vocabulary".formatted(token));
            }
            id = OptionalLong.of(parser.getLongValue());
          }
          parser.skipChildren();
        }
      }
      return id.orElseThrow(() ->
          new FormatException(
              file,
              "has no token '%s' in its vocabulary, by which the model is scored"
                  .formatted(token)));
    } catch (JsonProcessingException e) {
      throw new FormatException(file, "cannot be read as JSON: " + ModelJson.reason(e), e);
    } catch (CharacterCodingException e) {
      throw new FormatException(file, "is not UTF-8: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  /** Moves into the object of this key of the current object; whether there is one. */
  private static boolean enter(JsonParser parser, String key) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      boolean found = parser.currentName().equals(key);
      JsonToken value = parser.nextToken();
      if (found) {
        return value == JsonToken.START_OBJECT;
      }
      parser.skipChildren();
    }
    return false;
  }
}
