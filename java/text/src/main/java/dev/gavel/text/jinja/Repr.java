package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Range;
import dev.gavel.text.jinja.Values.Tuple;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Collection;
import java.util.Map;
import java.util.stream.Collectors;

/** Python's {@code str} and {@code repr}. */
final class Repr {

  private Repr() {}

  /** What {@code {{ value }}} prints. */
  static String str(Object value) {
    return switch (value) {
      case String text -> text;
      case Markup markup -> markup.text();
      case Undefined undefined -> "";
      default -> repr(value);
    };
  }

  static String repr(Object value) {
    return switch (value) {
      case None none -> "None";
      case Boolean flag -> flag ? "True" : "False";
      case Long number -> number.toString();
      case Double number -> floating(number);
      case String text -> quoted(text);
      case Tuple tuple ->
          tuple.items().size() == 1
              ? "(" + repr(tuple.items().getFirst()) + ",)"
              : "(" + items(tuple.items()) + ")";
      case Collection<?> list -> "[" + items(list) + "]";
      case Map<?, ?> map ->
          map.entrySet().stream()
              .map(entry -> repr(entry.getKey()) + ": " + repr(entry.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
      case Range range ->
          range.step() == 1
              ? "range(" + range.start() + ", " + range.stop() + ")"
              : "range(" + range.start() + ", " + range.stop() + ", " + range.step() + ")";
      case Undefined undefined -> "Undefined";
      default -> throw JinjaException.unsupported("printing a " + Values.typeName(value));
    };
  }

  private static String items(Collection<?> items) {
    return items.stream().map(Repr::repr).collect(Collectors.joining(", "));
  }

  /** The shortest digits that read back as {@code value}, in Python's notation. */
  static String floating(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    // Double.toString has been the shortest since JDK 19; only the notation differs.
    BigDecimal shortest = new BigDecimal(Double.toString(Math.abs(value))).stripTrailingZeros();
    // Except that it never goes below two digits, which shows in the smallest of all numbers.
    BigDecimal oneDigit = shortest.round(new MathContext(1));
    if (oneDigit.doubleValue() == Math.abs(value)) {
      shortest = oneDigit.stripTrailingZeros();
    }
    String digits = shortest.unscaledValue().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    String sign = value < 0 ? "-" : "";
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
    }
    String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
    return sign
        + digits.charAt(0)
        + fraction
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  private static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder(text.length() + 2).append(quote);
    text.codePoints().forEach(c -> appendQuoted(out, c, quote));
    return out.append(quote).toString();
  }

  private static void appendQuoted(StringBuilder out, int c, char quote) {
    switch (c) {
      case '\\' -> out.append("\\\\");
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      default -> {
        if (c == quote) {
          out.append('\\').append(quote);
        } else if (isPrintable(c)) {
          out.appendCodePoint(c);
        } else if (c <= 0xff) {
          out.append(String.format("\\x%02x", c));
        } else {
          out.append(String.format(c <= 0xffff ? "\\u%04x" : "\\U%08x", c));
        }
      }
    }
  }

  /** {@code str.isprintable} of one character; Java's and Python's tables may differ in version. */
  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }
}
