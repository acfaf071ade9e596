package dev.gavel.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A JSON object of a model folder, such as {@code config.json}. Values are asked for by key and
 * kind: a value of another kind is an error, and so is a key that comes twice. A key whose value is
 * null is as if it were not there, as transformers reads it.
 */
final class ModelJson {
  /** A config.json has some ten thousand. */
  static final int MOST_CONFIG_BYTES = 1 << 22;

  // Published configurations need less than ten levels; a bomb of brackets is not followed down.
  private static final int DEEPEST = 64;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private final Path file;
  private final String prefix;
  private final Map<?, ?> values;

  private ModelJson(Path file, String prefix, Map<?, ?> values) {
    this.file = file;
    this.prefix = prefix;
    this.values = values;
  }

  /**
   * Reads a file.
   *
   * @param most bytes a file of this kind may sensibly have; a longer one is refused unread
   * @throws FileException if it cannot be read
   * @throws FormatException if it is not one JSON object in UTF-8
   */
  static ModelJson read(Path file, int most) {
    if (Files.notExists(file)) {
      throw new FileException(file, "is not there", new NoSuchFileException(file.toString()));
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new FormatException(file, "is a folder, a pipe or a device; it must be a file");
    }
    byte[] content;
    try (InputStream in = Files.newInputStream(file)) {
      content = in.readNBytes(most);
      if (in.read() >= 0) {
        throw new FormatException(
            file, "has more than %d bytes; that is no file of its kind".formatted(most));
      }
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
    // Decoded here, strictly: Jackson would guess UTF-16 or UTF-32 from the first bytes.
    try (JsonParser parser =
        FACTORY.createParser(
            StandardCharsets.UTF_8
                .newDecoder()
                .decode(java.nio.ByteBuffer.wrap(content))
                .toString())) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new FormatException(file, "is not a JSON object");
      }
      Map<String, Object> values = object(parser);
      if (parser.nextToken() != null) {
        throw new FormatException(file, "has text after its JSON object");
      }
      return new ModelJson(file, "", values);
    } catch (CharacterCodingException e) {
      throw new FormatException(file, "is not UTF-8: " + e.getMessage(), e);
    } catch (JsonProcessingException e) {
      throw new FormatException(
          file,
          "cannot be read as JSON: %s, in line %d"
              .formatted(reason(e), e.getLocation() == null ? 1 : e.getLocation().getLineNr()),
          e);
    } catch (IOException e) {
      throw new FormatException(file, "cannot be read as JSON: " + e.getMessage(), e);
    }
  }

  // The parser adds where things began, and names settings of its own.
  static String reason(JsonProcessingException e) {
    return e.getOriginalMessage()
        .replaceFirst("(?s) \\(start marker at .*", "")
        .replaceFirst("(?s): enable `.*", "");
  }

  private static Map<String, Object> object(JsonParser parser) throws IOException {
    Map<String, Object> values = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      JsonToken token = parser.nextToken();
      if (token != JsonToken.VALUE_NULL) {
        values.put(key, value(parser, token));
      }
    }
    return values;
  }

  private static Object value(JsonParser parser, JsonToken token) throws IOException {
    return switch (token) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> {
        List<Object> items = new ArrayList<>();
        for (JsonToken item = parser.nextToken();
            item != JsonToken.END_ARRAY;
            item = parser.nextToken()) {
          items.add(value(parser, item));
        }
        yield items;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> Optional.empty();
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? (Object) parser.getDoubleValue()
              : (Object) parser.getLongValue();
      default -> parser.getDoubleValue();
    };
  }

  /** The file it stands in. */
  Path file() {
    return file;
  }

  /** Whether there is a value of this key. */
  boolean has(String key) {
    return values.containsKey(key);
  }

  Optional<String> text(String key) {
    return get(key, String.class, "a text");
  }

  Optional<Boolean> truth(String key) {
    return get(key, Boolean.class, "true or false");
  }

  Optional<Long> integer(String key) {
    return get(key, Long.class, "an integer");
  }

  Optional<Double> number(String key) {
    return get(key, Number.class, "a number").map(Number::doubleValue);
  }

  Optional<ModelJson> object(String key) {
    return get(key, Map.class, "an object")
        .map(found -> new ModelJson(file, prefix + key + ".", found));
  }

  /** The texts of an array; none where there is no such key. */
  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    for (Object item :
        get(key, List.class, "an array").map(found -> (List<?>) found).orElse(List.of())) {
      if (!(item instanceof String text)) {
        throw wrong(key, String.valueOf(item), "an array of texts");
      }
      texts.add(text);
    }
    return texts;
  }

  /** All keys of an object whose values are texts, such as a weight map. */
  Map<String, String> textByKey() {
    Map<String, String> texts = new LinkedHashMap<>();
    values.forEach((key, value) -> {
      if (!(value instanceof String text)) {
        throw wrong(String.valueOf(key), String.valueOf(value), "a text");
      }
      texts.put(String.valueOf(key), text);
    });
    return texts;
  }

  int size() {
    return values.size();
  }

  /**
   * The value of a key that must be there.
   *
   * @param expected what it may be, for the message
   */
  <T> T require(String key, Optional<T> found, String expected) {
    return found.orElseThrow(() ->
        new FormatException(
            file, "has no key '%s%s'; it must be %s".formatted(prefix, key, expected)));
  }

  /** A complaint about a value. */
  FormatException wrong(String key, String found, String expected) {
    return new FormatException(
        file, "has %s%s = %s; it must be %s".formatted(prefix, key, found, expected));
  }

  private <T> Optional<T> get(String key, Class<T> kind, String expected) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!kind.isInstance(value)) {
      throw wrong(key, String.valueOf(value), expected);
    }
    return Optional.of(kind.cast(value));
  }
}
