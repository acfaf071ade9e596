package dev.gavel;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Reads typed values from a file's metadata, and remembers which keys were read. */
final class MetadataReader {
  private final Path path;
  private final Map<String, String> metadata;
  private final Set<String> read = new HashSet<>();

  MetadataReader(Path path, Map<String, String> metadata) {
    this.path = path;
    this.metadata = metadata;
  }

  String text(String key) {
    read.add(key);
    String text = metadata.get(key);
    if (text == null) {
      throw new FormatException(
          path, "has no metadata '%s'; is it a file Gavel saved?".formatted(key));
    }
    return text;
  }

  void require(String key, String expected) {
    if (!text(key).equals(expected)) {
      throw wrong(key, text(key), "'" + expected + "'");
    }
  }

  String oneOf(String key, List<String> choices) {
    if (!choices.contains(text(key))) {
      throw wrong(key, text(key), "one of " + choices);
    }
    return text(key);
  }

  <E extends Enum<E>> E choice(String key, E[] values) {
    for (E value : values) {
      if (value.name().toLowerCase(Locale.ROOT).equals(text(key))) {
        return value;
      }
    }
    throw wrong(
        key,
        text(key),
        "one of " + Arrays.stream(values).map(v -> v.name().toLowerCase(Locale.ROOT)).toList());
  }

  int integer(String key) {
    return integer(key, text(key));
  }

  int integer(String key, String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw wrong(key, text, "an integer");
    }
  }

  long longInteger(String key) {
    try {
      return Long.parseLong(text(key));
    } catch (NumberFormatException e) {
      throw wrong(key, text(key), "an integer");
    }
  }

  float number(String key) {
    try {
      return Float.parseFloat(text(key));
    } catch (NumberFormatException e) {
      throw wrong(key, text(key), "a number");
    }
  }

  boolean truth(String key) {
    return oneOf(key, List.of("true", "false")).equals("true");
  }

  /** Refuses keys of this prefix that nobody read. */
  void refuseOthers(String prefix) {
    for (String key : metadata.keySet()) {
      if (key.startsWith(prefix) && !read.contains(key)) {
        throw new FormatException(
            path, "has metadata '%s', which this version of Gavel does not know".formatted(key));
      }
    }
  }

  private FormatException wrong(String key, String found, String expected) {
    return new FormatException(
        path, "metadata '%s' is '%s'; it must be %s".formatted(key, found, expected));
  }
}
