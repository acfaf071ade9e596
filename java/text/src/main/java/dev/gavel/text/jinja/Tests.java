package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Function;
import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Range;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/** The tests of {@code value is name(arguments)}. */
final class Tests {

  private static final Map<String, Predicate<Object>> PLAIN = new HashMap<>();
  private static final Map<String, BiPredicate<Object, Object>> WITH_OTHER = new HashMap<>();

  static {
    PLAIN.put("defined", value -> !(value instanceof Undefined));
    PLAIN.put("undefined", value -> value instanceof Undefined);
    PLAIN.put("none", value -> value == None.NONE);
    PLAIN.put("boolean", value -> value instanceof Boolean);
    PLAIN.put("true", value -> value.equals(true));
    PLAIN.put("false", value -> value.equals(false));
    PLAIN.put("integer", value -> value instanceof Long);
    PLAIN.put("float", value -> value instanceof Double);
    PLAIN.put("number", Numbers::isNumber);
    PLAIN.put("string", value -> value instanceof String || value instanceof Markup);
    PLAIN.put("mapping", value -> value instanceof Map);
    PLAIN.put("iterable", Values::isIterable);
    PLAIN.put("sequence", Tests::isSequence);
    PLAIN.put("callable", Tests::isCallable);
    PLAIN.put("escaped", value -> value instanceof Markup);
    PLAIN.put("upper", value -> Case.isUpper(Repr.str(value)));
    PLAIN.put("lower", value -> Case.isLower(Repr.str(value)));
    PLAIN.put("odd", value -> Comparison.equal(remainder(value, 2L), 1L));
    PLAIN.put("even", value -> Comparison.equal(remainder(value, 2L), 0L));
    PLAIN.put("filter", value -> Filters.exists(Repr.str(value)));
    PLAIN.put("test", value -> exists(Repr.str(value)));

    WITH_OTHER.put("divisibleby", (value, by) -> Comparison.equal(remainder(value, by), 0L));
    WITH_OTHER.put("in", (value, container) -> Values.contains(container, value));
    WITH_OTHER.put("sameas", Tests::same);
    for (String name : List.of("==", "eq", "equalto")) {
      WITH_OTHER.put(name, Comparison::equal);
    }
    for (String name : List.of("!=", "ne")) {
      WITH_OTHER.put(name, (value, other) -> !Comparison.equal(value, other));
    }
    order(">", ">", "gt", "greaterthan");
    order(">=", ">=", "ge");
    order("<", "<", "lt", "lessthan");
    order("<=", "<=", "le");
  }

  private Tests() {}

  private static void order(String operator, String... names) {
    for (String name : names) {
      WITH_OTHER.put(name, (value, other) -> Comparison.ordered(operator, value, other));
    }
  }

  static boolean exists(String name) {
    return PLAIN.containsKey(name) || WITH_OTHER.containsKey(name);
  }

  static void requireKnown(String name, int line) {
    if (!exists(name)) {
      throw unknown(name).atLine(line);
    }
  }

  static boolean apply(String name, Object value, CallArguments arguments) {
    Predicate<Object> plain = PLAIN.get(name);
    if (plain != null) {
      arguments.bind("the test '" + name + "'", 0);
      return plain.test(value);
    }
    BiPredicate<Object, Object> withOther = WITH_OTHER.get(name);
    if (withOther == null) {
      throw unknown(name);
    }
    Object other =
        arguments.bindPositional("the test '" + name + "'", 1, "other").get("other", None.NONE);
    return withOther.test(value, other);
  }

  private static JinjaException unknown(String name) {
    return JinjaException.error("there is no test '" + name + "'");
  }

  private static Object remainder(Object value, Object divisor) {
    return Numbers.arithmetic("%", value, divisor);
  }

  private static boolean isSequence(Object value) {
    return value instanceof String
        || value instanceof Markup
        || value instanceof List
        || value instanceof Tuple
        || value instanceof Map
        || value instanceof Range
        || value instanceof Undefined; // it has Python's len and [], the second of which fails
  }

  private static boolean isCallable(Object value) {
    return value instanceof Function
        || value instanceof Macro
        || value instanceof LoopState
        || value instanceof Undefined; // it has Python's (), which fails
  }

  private static boolean same(Object value, Object other) {
    boolean singletons =
        value instanceof Boolean
            || value instanceof None
            || other instanceof Boolean
            || other instanceof None;
    if (!singletons) {
      throw JinjaException.unsupported("the test 'sameas' on anything but true, false and none");
    }
    return value.equals(other);
  }
}
