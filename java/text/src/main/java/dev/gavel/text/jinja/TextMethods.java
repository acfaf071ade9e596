package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import dev.gavel.text.jinja.Values.Function;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;

/** The methods of Python's {@code str}; positions count code points, as Python counts. */
final class TextMethods {

  private static final Set<String> UNSUPPORTED =
      Set.of(
          "casefold",
          "center",
          "encode",
          "expandtabs",
          "format",
          "format_map",
          "isascii",
          "isdecimal",
          "isidentifier",
          "isnumeric",
          "isprintable",
          "istitle",
          "ljust",
          "maketrans",
          "rjust",
          "swapcase",
          "translate",
          "zfill");

  private TextMethods() {}

  static Optional<Function> find(String text, String name) {
    if (UNSUPPORTED.contains(name)) {
      throw JinjaException.unsupported("the string method '" + name + "'");
    }
    Function function =
        switch (name) {
          case "strip" -> arguments -> Text.strip(text, chars(name, arguments), true, true);
          case "lstrip" -> arguments -> Text.strip(text, chars(name, arguments), true, false);
          case "rstrip" -> arguments -> Text.strip(text, chars(name, arguments), false, true);
          case "startswith" -> arguments -> startsOrEnds(text, name, arguments);
          case "endswith" -> arguments -> startsOrEnds(text, name, arguments);
          case "removeprefix" ->
              arguments -> {
                String prefix = one(name, arguments);
                return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
              };
          case "removesuffix" ->
              arguments -> {
                String suffix = one(name, arguments);
                return text.endsWith(suffix)
                    ? text.substring(0, text.length() - suffix.length())
                    : text;
              };
          case "upper" -> arguments -> none(name, arguments, Case.upper(text));
          case "lower" -> arguments -> none(name, arguments, Case.lower(text));
          case "title" -> arguments -> none(name, arguments, Case.title(text));
          case "capitalize" -> arguments -> none(name, arguments, Case.capitalize(text));
          case "split" -> arguments -> split(text, arguments, true);
          case "rsplit" -> arguments -> split(text, arguments, false);
          case "splitlines" ->
              arguments -> {
                boolean keep = arguments.bind(name, 0, "keepends").flag("keepends", false);
                return new ArrayList<Object>(Splitting.lines(text, keep));
              };
          case "partition" -> arguments -> partition(text, one(name, arguments), true);
          case "rpartition" -> arguments -> partition(text, one(name, arguments), false);
          case "replace" ->
              arguments -> {
                Bound bound = arguments.bindPositional(name, 2, "old", "new", "count");
                return Text.replace(
                    text, bound.text("old"), bound.text("new"), bound.integer("count", -1));
              };
          case "join" ->
              arguments -> {
                Object items = arguments.bindPositional(name, 1, "items").get("items", None.NONE);
                return join(text, Values.iterate(items));
              };
          case "find", "index" ->
              arguments -> position(text, name, text.indexOf(one(name, arguments)));
          case "rfind", "rindex" ->
              arguments -> position(text, name, text.lastIndexOf(one(name, arguments)));
          case "count" -> arguments -> Text.count(text, one(name, arguments));
          case "isspace" -> arguments -> all(name, arguments, text, Text::isSpace);
          case "isalpha" -> arguments -> all(name, arguments, text, Character::isLetter);
          case "isalnum" -> arguments -> all(name, arguments, text, Case::isAlphanumeric);
          case "isdigit" -> arguments -> all(name, arguments, text, Case::isDigit);
          case "isupper" -> arguments -> none(name, arguments, Case.isUpper(text));
          case "islower" -> arguments -> none(name, arguments, Case.isLower(text));
          default -> null;
        };
    return Optional.ofNullable(function);
  }

  private static Optional<String> chars(String name, CallArguments arguments) {
    Bound bound = arguments.bindPositional(name, 0, "chars");
    return bound.notNone("chars").map(value -> bound.text("chars"));
  }

  private static String one(String name, CallArguments arguments) {
    if (arguments.positional().size() > 1) {
      throw JinjaException.unsupported("'" + name + "' with a start or an end");
    }
    return arguments.bindPositional(name, 1, "text").text("text");
  }

  private static Object none(String name, CallArguments arguments, Object result) {
    arguments.bind(name, 0);
    return result;
  }

  private static Object all(
      String name, CallArguments arguments, String text, IntPredicate predicate) {
    return none(name, arguments, !text.isEmpty() && text.codePoints().allMatch(predicate));
  }

  private static Object startsOrEnds(String text, String name, CallArguments arguments) {
    if (arguments.positional().size() > 1) {
      throw JinjaException.unsupported("'" + name + "' with a start or an end");
    }
    Bound bound = arguments.bindPositional(name, 1, "text");
    List<Object> candidates =
        bound.get("text", None.NONE) instanceof Tuple tuple
            ? tuple.items()
            : List.of(bound.text("text"));
    for (Object candidate : candidates) {
      if (!(candidate instanceof String part)) {
        throw JinjaException.error(name + " needs strings, found a " + Values.typeName(candidate));
      }
      if (name.equals("startswith") ? text.startsWith(part) : text.endsWith(part)) {
        return true;
      }
    }
    return false;
  }

  private static Object split(String text, CallArguments arguments, boolean fromLeft) {
    Bound bound = arguments.bind(fromLeft ? "split" : "rsplit", 0, "sep", "maxsplit");
    long limit = bound.integer("maxsplit", -1);
    Optional<String> separator = bound.notNone("sep").map(value -> bound.text("sep"));
    return new ArrayList<Object>(Splitting.split(text, separator, limit, fromLeft));
  }

  private static Object partition(String text, String separator, boolean first) {
    if (separator.isEmpty()) {
      throw JinjaException.error("the separator of a partition is empty");
    }
    int at = first ? text.indexOf(separator) : text.lastIndexOf(separator);
    if (at < 0) {
      return new Tuple(first ? List.of(text, "", "") : List.of("", "", text));
    }
    String after = text.substring(at + separator.length());
    return new Tuple(List.of(text.substring(0, at), separator, after));
  }

  private static Object position(String text, String name, int at) {
    if (at < 0 && name.endsWith("index")) {
      throw JinjaException.error(name + ": the text was not found");
    }
    return at < 0 ? -1L : (long) text.codePointCount(0, at);
  }

  private static String join(String separator, List<Object> items) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < items.size(); i++) {
      if (!(items.get(i) instanceof String part)) {
        throw JinjaException.error("join needs strings, found a " + Values.typeName(items.get(i)));
      }
      out.append(i == 0 ? "" : separator).append(part);
      Limits.checkLength(out.length());
    }
    return out.toString();
  }
}
