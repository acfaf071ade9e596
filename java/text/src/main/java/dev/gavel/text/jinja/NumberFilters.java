package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/** The filters {@code int}, {@code float}, {@code abs} and {@code round}. */
final class NumberFilters {

  private static final Pattern INTEGER = Pattern.compile("[+-]?[0-9]+(?:_[0-9]+)*");
  private static final Pattern FLOAT =
      Pattern.compile("[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?");
  private static final Pattern SPECIAL =
      Pattern.compile("([+-]?)(inf|infinity|nan)", Pattern.CASE_INSENSITIVE);

  private NumberFilters() {}

  static Object toInteger(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("int", 0, "default", "base");
    if (bound.integer("base", 10) != 10) {
      throw JinjaException.unsupported("the filter 'int' with a base other than 10");
    }
    if (input instanceof String text && INTEGER.matcher(strip(text)).matches()) {
      String digits = strip(text).replace("_", "");
      return Numbers.narrowed(
          new BigInteger(digits.startsWith("+") ? digits.substring(1) : digits));
    }
    if (Numbers.isInteger(input)) {
      return Numbers.toLong(input);
    }
    OptionalDouble value = asDouble(input);
    if (value.isEmpty() || !Double.isFinite(value.getAsDouble())) {
      return bound.get("default", 0L);
    }
    return Numbers.narrowed(new BigDecimal(value.getAsDouble()).toBigInteger());
  }

  static Object toFloat(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("float", 0, "default");
    OptionalDouble value = asDouble(input);
    return value.isPresent() ? (Object) value.getAsDouble() : bound.get("default", 0.0);
  }

  /** Python's {@code float(value)}, empty where it raises. */
  private static OptionalDouble asDouble(Object input) {
    if (input instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (Numbers.isNumber(input)) {
      return OptionalDouble.of(Numbers.toDouble(input));
    }
    if (!(input instanceof String text)) {
      return OptionalDouble.empty();
    }
    String stripped = strip(text);
    var special = SPECIAL.matcher(stripped);
    if (special.matches()) {
      double magnitude =
          special.group(2).startsWith("n") || special.group(2).startsWith("N")
              ? Double.NaN
              : Double.POSITIVE_INFINITY;
      return OptionalDouble.of(special.group(1).equals("-") ? -magnitude : magnitude);
    }
    if (stripped.indexOf('_') >= 0) {
      throw JinjaException.unsupported("a number with underscores");
    }
    return FLOAT.matcher(stripped).matches()
        ? OptionalDouble.of(Double.parseDouble(stripped))
        : OptionalDouble.empty();
  }

  private static String strip(String text) {
    return Text.stripRight(Text.stripLeft(text));
  }

  static Object absolute(Object input, CallArguments arguments) {
    arguments.bind("abs", 0);
    if (input instanceof Double number) {
      return Math.abs(number);
    }
    return Numbers.toLong(input) < 0 ? Numbers.negate(input) : (Object) Numbers.toLong(input);
  }

  /** Half to even, from the exact value of the float, as Python rounds. */
  static Object round(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("round", 0, "precision", "method");
    long precision = bound.integer("precision", 0);
    boolean common = "common".equals(bound.get("method", "common"));
    if (!common || precision < 0 || precision > 300) {
      throw JinjaException.unsupported("the filter 'round' with these arguments");
    }
    if (!(input instanceof Double number)) {
      return Numbers.toLong(input);
    }
    if (!Double.isFinite(number)) {
      return number;
    }
    double rounded =
        new BigDecimal(number).setScale((int) precision, RoundingMode.HALF_EVEN).doubleValue();
    return Math.copySign(rounded, number);
  }
}
