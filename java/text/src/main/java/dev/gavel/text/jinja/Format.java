package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Tuple;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code text % values}: the conversions {@code %s}, {@code %d} and {@code %%}. */
final class Format {

  private static final Pattern PIECE = Pattern.compile("%.?|[^%]+", Pattern.DOTALL);

  private Format() {}

  static String percent(String text, Object values) {
    List<Object> arguments = values instanceof Tuple tuple ? tuple.items() : List.of(values);
    StringBuilder out = new StringBuilder();
    int used = 0;
    Matcher pieces = PIECE.matcher(text);
    while (pieces.find()) {
      switch (pieces.group()) {
        case "%%" -> out.append('%');
        case "%s", "%d" -> {
          if (used == arguments.size()) {
            throw JinjaException.error(
                "there are fewer values than conversions in " + Repr.repr(text));
          }
          Object value = arguments.get(used++);
          out.append(pieces.group().equals("%s") ? Repr.str(value) : integer(value));
          Limits.checkLength(out.length());
        }
        default -> {
          if (pieces.group().charAt(0) == '%') {
            throw JinjaException.unsupported("a conversion other than %s, %d and %%");
          }
          out.append(pieces.group());
        }
      }
    }
    if (used < arguments.size()) {
      throw JinjaException.error("there are more values than conversions in " + Repr.repr(text));
    }
    return out.toString();
  }

  private static String integer(Object value) {
    if (value instanceof Double) {
      throw JinjaException.unsupported("%d of a float");
    }
    return Long.toString(Numbers.toLong(value));
  }
}
