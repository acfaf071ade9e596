package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import dev.gavel.text.jinja.Values.Markup;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The filters of {@code value|name(arguments)}: those on text and numbers here, see also below. */
final class Filters {

  /** A filter: its input and its arguments in, its value out. */
  @FunctionalInterface
  interface Filter {
    Object apply(Object input, CallArguments arguments);
  }

  private static final Set<String> KNOWN_TO_JINJA =
      Set.of(
          "attr",
          "batch",
          "center",
          "e",
          "escape",
          "filesizeformat",
          "forceescape",
          "groupby",
          "pprint",
          "random",
          "slice",
          "striptags",
          "truncate",
          "urlencode",
          "urlize",
          "wordcount",
          "wordwrap",
          "xmlattr");

  private static final Map<String, Filter> ALL = new HashMap<>();

  static {
    ALL.put("trim", Filters::trim);
    ALL.put("upper", (input, arguments) -> Case.upper(text("upper", input, arguments)));
    ALL.put("lower", (input, arguments) -> Case.lower(text("lower", input, arguments)));
    ALL.put("title", (input, arguments) -> title(text("title", input, arguments)));
    ALL.put(
        "capitalize", (input, arguments) -> Case.capitalize(text("capitalize", input, arguments)));
    ALL.put("replace", Filters::replace);
    ALL.put("indent", Filters::indent);
    ALL.put(
        "format",
        (input, arguments) -> {
          if (!arguments.named().isEmpty()) {
            throw JinjaException.unsupported("the filter 'format' with named arguments");
          }
          return Format.percent(plain(input), new Values.Tuple(arguments.positional()));
        });
    ALL.put(
        "string",
        (input, arguments) -> {
          arguments.bind("string", 0);
          return input instanceof Markup ? input : Repr.str(input);
        });
    ALL.put(
        "safe",
        (input, arguments) -> {
          arguments.bind("safe", 0);
          return input instanceof Markup ? input : new Markup(Repr.str(input));
        });
    ALL.put("tojson", Filters::toJson);
    ALL.put("default", Filters::orDefault);
    ALL.put("d", Filters::orDefault);
    ALL.put("int", NumberFilters::toInteger);
    ALL.put("float", NumberFilters::toFloat);
    ALL.put("abs", NumberFilters::absolute);
    ALL.put("round", NumberFilters::round);
    SequenceFilters.addTo(ALL);
    SelectionFilters.addTo(ALL);
  }

  private Filters() {}

  static void requireKnown(String name, int line) {
    if (!ALL.containsKey(name)) {
      throw unknown(name).atLine(line);
    }
  }

  static boolean exists(String name) {
    return ALL.containsKey(name) || KNOWN_TO_JINJA.contains(name);
  }

  static Object apply(String name, Object input, CallArguments arguments) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw unknown(name); // the name of a filter can also be a value, as in map('upper')
    }
    return filter.apply(input, arguments);
  }

  private static JinjaException unknown(String name) {
    return KNOWN_TO_JINJA.contains(name)
        ? JinjaException.unsupported("the filter '" + name + "'")
        : JinjaException.error("there is no filter '" + name + "'");
  }

  /** The input of a filter that works on text and takes no arguments. */
  private static String text(String name, Object input, CallArguments arguments) {
    arguments.bind(name, 0);
    return plain(input);
  }

  private static String plain(Object input) {
    if (input instanceof Markup) {
      throw JinjaException.unsupported("changing text marked as safe");
    }
    return Repr.str(input);
  }

  private static Object trim(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("trim", 0, "chars");
    Optional<String> chars = bound.notNone("chars").map(value -> bound.text("chars"));
    return Text.strip(plain(input), chars, true, true);
  }

  // Jinja's own rule, which is not that of str.title: words start after blanks and any of -({[<
  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    int start = 0;
    while (start < text.length()) {
      boolean between = separates(text.charAt(start));
      int end = start;
      while (end < text.length() && separates(text.charAt(end)) == between) {
        end++;
      }
      String item = text.substring(start, end);
      int head = item.offsetByCodePoints(0, 1);
      out.append(Case.upper(item.substring(0, head))).append(Case.lower(item.substring(head)));
      start = end;
    }
    return out.toString();
  }

  private static boolean separates(char c) {
    return Text.isSpace(c) || "-({[<".indexOf(c) >= 0;
  }

  private static Object replace(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("replace", 2, "old", "new", "count");
    long count = bound.notNone("count").map(Numbers::toLong).orElse(-1L);
    String old = Repr.str(bound.get("old", None.NONE));
    return Text.replace(Repr.str(input), old, Repr.str(bound.get("new", None.NONE)), count);
  }

  private static Object indent(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("indent", 0, "width", "first", "blank");
    String indention =
        bound.get("width", 4L) instanceof String width ? width : spaces(bound.integer("width", 4));
    if (!(input instanceof String text)) {
      throw JinjaException.error("indent needs a string, found a " + Values.typeName(input));
    }
    var lines = Splitting.lines(text + "\n", false);
    Limits.checkLength(text.length() + (long) lines.size() * indention.length());
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      boolean indented =
          i == 0 ? bound.flag("first", false) : bound.flag("blank", false) || !line.isEmpty();
      out.append(i == 0 ? "" : "\n").append(indented ? indention : "").append(line);
    }
    return out.toString();
  }

  private static String spaces(long width) {
    Limits.checkLength(width);
    return width > 0 ? " ".repeat((int) width) : "";
  }

  private static Object orDefault(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("default", 0, "default_value", "boolean");
    boolean absent =
        input instanceof Undefined || (bound.flag("boolean", false) && !Values.truth(input));
    return absent ? bound.get("default_value", "") : input;
  }

  private static Object toJson(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    Optional<String> indent =
        bound
            .notNone("indent")
            .map(value -> value instanceof String level ? level : spaces(Numbers.toLong(value)));
    String itemSeparator = indent.isPresent() ? "," : ", ";
    String keySeparator = ": ";
    if (bound.notNone("separators").isPresent()) {
      var pair = Values.iterate(bound.get("separators", None.NONE));
      if (pair.size() != 2
          || !(pair.get(0) instanceof String item)
          || !(pair.get(1) instanceof String key)) {
        throw JinjaException.error("the separators of tojson must be two strings");
      }
      itemSeparator = item;
      keySeparator = key;
    }
    return new Json(
            bound.flag("ensure_ascii", false),
            indent,
            itemSeparator,
            keySeparator,
            bound.flag("sort_keys", false))
        .write(input);
  }
}
