package dev.gavel.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import java.util.Collection;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is wrong with a configuration, in words of JSON and not of the library that reads it. */
final class ConfigMistake {
  private ConfigMistake() {}

  /** Goes on after "the file". */
  static String describe(JsonProcessingException e) {
    if (e instanceof UnrecognizedPropertyException unknown) {
      Collection<Object> known = unknown.getKnownPropertyIds();
      return "has the unknown key '%s'; the keys there are %s"
          .formatted(
              unknown.getPropertyName(),
              known.stream().map(Object::toString).collect(Collectors.toCollection(TreeSet::new)));
    }
    String key = key(e);
    String reason = reason(e, key);
    return "is not a model configuration: "
        + (key.isEmpty() || reason.startsWith("it has no key")
            ? reason
            : "%s at key '%s'".formatted(reason, key));
  }

  private static String key(JsonProcessingException e) {
    return e instanceof JsonMappingException mapping
        ? mapping.getPath().stream()
            .map(Reference::getFieldName)
            .filter(Objects::nonNull)
            .collect(Collectors.joining("."))
        : "";
  }

  private static String reason(JsonProcessingException e, String key) {
    String message = String.valueOf(e.getOriginalMessage());
    if (!key.isEmpty()
        && e instanceof MismatchedInputException mismatch
        && message.matches(
            "(?s)Cannot (?:coerce|map `null`|deserialize value|construct instance).*")) {
      return "the value must be " + kind(mismatch.getTargetType());
    }
    // What follows a semicolon or stands in brackets are names of Jackson's own settings.
    return message
        .replaceFirst("(?s)(?:;|: enable `).*", "")
        .replaceFirst(" \\((?:but (?:could|might)|set Deserialization).*", "")
        .replaceFirst(
            "(?s)^Cannot (?:deserialize value of type|construct instance of) `[^`]*ModelConfig`.*",
            "it is no JSON object")
        .replaceFirst("^Missing creator property ('.*') .*", "it has no key $1");
  }

  private static String kind(@Nullable Class<?> type) {
    if (type == int.class || type == long.class || type == Integer.class) {
      return "a whole number";
    }
    if (type == float.class || type == double.class || type == Float.class) {
      return "a number";
    }
    if (type == boolean.class) {
      return "true or false";
    }
    if (type == String.class) {
      return "a text";
    }
    return type != null && Collection.class.isAssignableFrom(type) ? "a list" : "an object";
  }
}
