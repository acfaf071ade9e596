package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Range;
import dev.gavel.text.jinja.Values.Tuple;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** Python's {@code ==} and {@code <}: nothing is coerced but bool, int and float to each other. */
final class Comparison {

  private Comparison() {}

  static boolean equal(Object left, Object right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return !isNaN(left) && !isNaN(right) && compareNumbers(left, right) == 0;
    }
    if (left instanceof Markup markup) {
      return equal(markup.text(), right);
    }
    if (right instanceof Markup markup) {
      return equal(left, markup.text());
    }
    if (left instanceof List<?> a && right instanceof List<?> b) {
      return equalItems(a, b);
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return equalItems(a.items(), b.items());
    }
    if (left instanceof Range a && right instanceof Range b) {
      return equalItems(a.items(), b.items());
    }
    if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
      return a.size() == b.size()
          && a.entrySet().stream()
              .allMatch(e -> b.containsKey(e.getKey()) && equal(e.getValue(), b.get(e.getKey())));
    }
    if (left instanceof Undefined && right instanceof Undefined) {
      return true;
    }
    return left.equals(right);
  }

  private static boolean equalItems(List<?> left, List<?> right) {
    if (left.size() != right.size()) {
      return false;
    }
    for (int i = 0; i < left.size(); i++) {
      if (!equal(left.get(i), right.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** The truth of {@code left operator right} for an ordering operator. */
  static boolean ordered(String operator, Object left, Object right) {
    if (isNaN(left) || isNaN(right)) {
      return false;
    }
    int order = compare(operator, left, right);
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      case ">=" -> order >= 0;
      default -> throw new IllegalArgumentException(operator);
    };
  }

  /** Negative, zero or positive, as Python sorts; the operator is for the message only. */
  static int compare(String operator, Object left, Object right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return compareNumbers(left, right);
    }
    if (left instanceof String a && right instanceof String b) {
      return compareText(a, b);
    }
    if (left instanceof List<?> a && right instanceof List<?> b) {
      return compareItems(operator, a, b);
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return compareItems(operator, a.items(), b.items());
    }
    if (left instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (right instanceof Undefined undefined) {
      throw undefined.fail();
    }
    throw JinjaException.error(
        "'"
            + operator
            + "' cannot compare a "
            + Values.typeName(left)
            + " with a "
            + Values.typeName(right));
  }

  private static int compareItems(String operator, List<?> left, List<?> right) {
    for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
      if (!equal(left.get(i), right.get(i))) {
        return compare(operator, left.get(i), right.get(i));
      }
    }
    return Integer.compare(left.size(), right.size());
  }

  /** By code points, as Python compares; UTF-16 order differs above the first plane. */
  private static int compareText(String left, String right) {
    int i = 0;
    while (i < left.length() && i < right.length()) {
      int a = left.codePointAt(i);
      int b = right.codePointAt(i);
      if (a != b) {
        return Integer.compare(a, b);
      }
      i += Character.charCount(a);
    }
    return Integer.compare(left.length(), right.length());
  }

  private static int compareNumbers(Object left, Object right) {
    if (left instanceof Double a && right instanceof Double b) {
      return a.doubleValue() == b.doubleValue() ? 0 : Double.compare(a, b); // 0.0 equals -0.0
    }
    if (isInfinite(left) || isInfinite(right)) {
      return Double.compare(Numbers.toDouble(left), Numbers.toDouble(right));
    }
    return exact(left).compareTo(exact(right));
  }

  private static BigDecimal exact(Object number) {
    return number instanceof Double value
        ? new BigDecimal(value)
        : BigDecimal.valueOf(Numbers.toLong(number));
  }

  private static boolean isNaN(Object value) {
    return value instanceof Double number && number.isNaN();
  }

  private static boolean isInfinite(Object value) {
    return value instanceof Double number && number.isInfinite();
  }
}
