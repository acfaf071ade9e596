package dev.gavel;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the JSON of a safetensors header token by token: nothing is built from it that the format
 * does not have.
 *
 * @param metadata texts of {@code __metadata__}
 * @param tensors tensors in the order of the header; offsets count from the end of the header and
 *     are not checked yet
 */
record SafetensorsJson(Map<String, String> metadata, List<Safetensors.Entry> tensors) {
  static final String METADATA = "__metadata__";

  // The format needs three levels; a bomb of brackets must not be followed down.
  private static final int DEEPEST = 3;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  static SafetensorsJson parse(Path path, byte[] json) {
    if (json[0] != '{') {
      throw new FormatException(
          path, "has a header that does not begin with '{'. Is it a safetensors file?");
    }
    // Decoded here, strictly: Jackson would guess UTF-16 or UTF-32 from the first bytes.
    try (Reader reader =
            new InputStreamReader(
                new ByteArrayInputStream(json),
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT));
        JsonParser parser = FACTORY.createParser(reader)) {
      return new Cursor(path, parser).header();
    } catch (IOException e) {
      throw new FormatException(
          path, "has a header that cannot be read as JSON in UTF-8: " + e.getMessage(), e);
    }
  }

  /** Where the parser stands in a file. */
  private record Cursor(Path path, JsonParser parser) {

    SafetensorsJson header() throws IOException {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
      Map<String, String> metadata = new LinkedHashMap<>();
      List<Safetensors.Entry> tensors = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = wellFormed(parser.currentName());
        if (name.equals(METADATA)) {
          metadata(metadata);
        } else {
          tensors.add(tensor(name));
        }
      }
      if (parser.nextToken() != null) {
        throw new FormatException(path, "has a header with text after its JSON object");
      }
      return new SafetensorsJson(metadata, tensors);
    }

    private void metadata(Map<String, String> metadata) throws IOException {
      expect(parser.nextToken(), JsonToken.START_OBJECT, METADATA);
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = wellFormed(parser.currentName());
        expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + "." + key);
        metadata.put(key, wellFormed(parser.getText()));
      }
    }

    private Safetensors.Entry tensor(String name) throws IOException {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "tensor '" + name + "'");
      String dtype = "";
      List<Long> shape = List.of();
      List<Long> offsets = List.of();
      int seen = 0;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        String what = "%s of tensor '%s'".formatted(key, name);
        switch (key) {
          case "dtype" -> {
            expect(parser.nextToken(), JsonToken.VALUE_STRING, what);
            dtype = wellFormed(parser.getText());
          }
          case "shape" -> shape = integers(what);
          case "data_offsets" -> offsets = integers(what);
          default ->
              throw new FormatException(
                  path,
                  "has a key %s; only dtype, shape and data_offsets belong there".formatted(what));
        }
        seen++; // no key comes twice: the parser refuses that
      }
      if (seen != 3) {
        throw new FormatException(
            path, "tensor '%s' must have dtype, shape and data_offsets".formatted(name));
      }
      if (offsets.size() != 2) {
        throw new FormatException(
            path,
            "data_offsets of tensor '%s' are %s; they must be begin and end"
                .formatted(name, offsets));
      }
      return new Safetensors.Entry(name, dtype, shape, offsets.get(0), offsets.get(1));
    }

    private List<Long> integers(String what) throws IOException {
      expect(parser.nextToken(), JsonToken.START_ARRAY, what);
      List<Long> values = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
        values.add(parser.getLongValue());
      }
      return values;
    }

    private void expect(JsonToken found, JsonToken expected, String what) {
      if (found != expected) {
        throw new FormatException(
            path, "%s is %s; it must be %s".formatted(what, describe(found), describe(expected)));
      }
    }

    // A JSON escape can smuggle in half a character, which no file or terminal can show again.
    private String wellFormed(String text) {
      if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
        throw new FormatException(path, "has a header with half a surrogate pair in a text");
      }
      return text;
    }
  }

  private static String describe(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a text";
      case VALUE_NUMBER_INT -> "an integer";
      case VALUE_NUMBER_FLOAT -> "a number that is no integer";
      default -> "a " + token;
    };
  }
}
