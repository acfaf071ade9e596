package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Python's {@code json.dumps}, which transformers puts in place of Jinja's {@code tojson} filter so
 * that nothing is escaped for HTML.
 *
 * @param ascii write everything beyond ASCII as an escape
 * @param indent the text of one level, or empty for everything on one line
 * @param itemSeparator what stands between items
 * @param keySeparator what stands between a key and its value
 * @param sortKeys whether dict entries are sorted by key
 */
record Json(
    boolean ascii,
    Optional<String> indent,
    String itemSeparator,
    String keySeparator,
    boolean sortKeys) {

  String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out, 1);
    return out.toString();
  }

  private void write(Object value, StringBuilder out, int level) {
    switch (value) {
      case None none -> out.append("null");
      case Boolean flag -> out.append(flag);
      case Long number -> out.append(number);
      case Double number -> out.append(floating(number));
      case String text -> quote(text, out);
      case Markup markup -> quote(markup.text(), out);
      case Tuple tuple -> list(tuple.items(), out, level);
      case List<?> list -> list(list, out, level);
      case Map<?, ?> map -> dict(map, out, level);
      case Undefined undefined -> throw undefined.fail();
      default -> throw JinjaException.error("a " + Values.typeName(value) + " has no form in JSON");
    }
  }

  private void list(List<?> list, StringBuilder out, int level) {
    out.append('[');
    for (int i = 0; i < list.size(); i++) {
      out.append(i == 0 ? "" : itemSeparator);
      newline(out, level);
      write(list.get(i), out, level + 1);
    }
    if (!list.isEmpty()) {
      newline(out, level - 1);
    }
    out.append(']');
  }

  private void dict(Map<?, ?> map, StringBuilder out, int level) {
    List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
    if (sortKeys) {
      entries.sort((a, b) -> Comparison.compare("<", a.getKey(), b.getKey()));
    }
    out.append('{');
    for (int i = 0; i < entries.size(); i++) {
      out.append(i == 0 ? "" : itemSeparator);
      newline(out, level);
      quote(key(entries.get(i).getKey()), out);
      out.append(keySeparator);
      write(entries.get(i).getValue(), out, level + 1);
    }
    if (!entries.isEmpty()) {
      newline(out, level - 1);
    }
    out.append('}');
  }

  private static String key(Object key) {
    return switch (key) {
      case String text -> text;
      case Long number -> number.toString();
      default ->
          throw JinjaException.error("a " + Values.typeName(key) + " cannot be a key in JSON");
    };
  }

  private void newline(StringBuilder out, int level) {
    indent.ifPresent(one -> out.append('\n').append(one.repeat(level)));
    Limits.checkLength(out.length());
  }

  private static String floating(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    return Repr.floating(value);
  }

  private void quote(String text, StringBuilder out) {
    Limits.checkLength((long) out.length() + text.length());
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7e)) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
