package dev.gavel.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

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
    try (InputStream in = Files.newInputStream(file);
        JsonParser parser = FACTORY.createParser(in)) {
      if (parser.nextToken() == JsonToken.START_OBJECT
          && enter(parser, "model")
          && enter(parser, "vocab")) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          boolean found = parser.currentName().equals(token);
          JsonToken value = parser.nextToken();
          if (found && value == JsonToken.VALUE_NUMBER_INT && parser.getLongValue() >= 0) {
            return parser.getLongValue();
          }
          parser.skipChildren();
        }
      }
      throw new FormatException(
          file,
          "has no token '%s' in its vocabulary, by which the model is scored".formatted(token));
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      throw new FormatException(file, "cannot be read as JSON: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + e, e);
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
