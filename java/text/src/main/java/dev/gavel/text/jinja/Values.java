package dev.gavel.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The values a template computes with, and what Python asks of all of them.
 *
 * <p>{@code None} is {@link None#NONE}, {@code bool} a Boolean, {@code int} a Long, {@code float} a
 * Double, {@code str} a String, {@code list} a List, {@code dict} a Map in insertion order; the
 * others have types of their own below.
 */
final class Values {

  private Values() {}

  /** Python's {@code tuple}. */
  record Tuple(List<Object> items) {}

  /** Python's {@code range}. */
  record Range(long start, long stop, long step, int length) {
    List<Object> items() {
      List<Object> items = new ArrayList<>(length);
      for (int i = 0; i < length; i++) {
        items.add(start + i * step);
      }
      return items;
    }
  }

  /**
   * What a dict's {@code items}, {@code keys} and {@code values} return: no list, no subscripts.
   */
  record View(List<Object> items) {}

  /**
   * Text marked as HTML-safe: it can be printed, and nothing else that would escape its partner.
   */
  record Markup(String text) {}

  /** The {@code namespace} object: the one value a template may change. */
  record Namespace(Map<String, Object> members) {}

  /** The result of a filter that Python computes lazily: it can be walked through once. */
  static final class Generator {
    private List<Object> rest;

    Generator(List<Object> items) {
      rest = items;
    }

    List<Object> take() {
      List<Object> items = rest;
      rest = List.of();
      return items;
    }
  }

  /** Something a template can call. */
  interface Function {
    Object call(CallArguments arguments);
  }

  /** Converts plain Java data, as read from JSON, into template values. */
  static Object fromJava(Object value) {
    return switch (value) {
      case String text -> text;
      case Boolean flag -> flag;
      case Integer number -> number.longValue();
      case Long number -> number;
      case Double number -> number;
      case Optional<?> optional -> optional.isPresent() ? fromJava(optional.get()) : None.NONE;
      case None none -> none;
      case List<?> list -> {
        List<Object> items = new ArrayList<>(list.size());
        for (Object item : list) {
          items.add(fromJava(item));
        }
        yield items;
      }
      case Map<?, ?> map -> {
        Map<Object, Object> entries = new LinkedHashMap<>();
        map.forEach((key, item) -> entries.put(fromJava(key), fromJava(item)));
        yield entries;
      }
      default ->
          throw JinjaException.error("a template cannot take a " + value.getClass().getName());
    };
  }

  static String typeName(Object value) {
    return switch (value) {
      case None none -> "None";
      case Boolean flag -> "bool";
      case Long number -> "int";
      case Double number -> "float";
      case String text -> "str";
      case Markup markup -> "Markup";
      case List<?> list -> "list";
      case Tuple tuple -> "tuple";
      case Map<?, ?> map -> "dict";
      case Range range -> "range";
      case View view -> "dict view";
      case Generator generator -> "generator";
      case Namespace namespace -> "namespace";
      case Undefined undefined -> "undefined value";
      default -> "function";
    };
  }

  static boolean truth(Object value) {
    return switch (value) {
      case None none -> false;
      case Undefined undefined -> false;
      case Boolean flag -> flag;
      case Long number -> number != 0;
      case Double number -> number != 0;
      case String text -> !text.isEmpty();
      case Markup markup -> !markup.text().isEmpty();
      case List<?> list -> !list.isEmpty();
      case Tuple tuple -> !tuple.items().isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      case Range range -> range.length() > 0;
      case View view -> !view.items().isEmpty();
      default -> true;
    };
  }

  /** Python's {@code len}. */
  static long length(Object value) {
    return switch (value) {
      case String text -> text.codePointCount(0, text.length());
      case Markup markup -> length(markup.text());
      case List<?> list -> list.size();
      case Tuple tuple -> tuple.items().size();
      case Map<?, ?> map -> map.size();
      case Range range -> range.length();
      case View view -> view.items().size();
      case Undefined undefined -> 0;
      case LoopState loop -> loop.length();
      default -> throw JinjaException.error("a " + typeName(value) + " has no length");
    };
  }

  static boolean isIterable(Object value) {
    return switch (value) {
      case String text -> true;
      case Markup markup -> true;
      case List<?> list -> true;
      case Tuple tuple -> true;
      case Map<?, ?> map -> true;
      case Range range -> true;
      case View view -> true;
      case Generator generator -> true;
      case Undefined undefined -> true;
      case LoopState loop -> true;
      default -> false;
    };
  }

  /** The items of one walk through {@code value}: a string's characters, a dict's keys. */
  static List<Object> iterate(Object value) {
    return switch (value) {
      case String text -> characters(text);
      case Markup markup -> characters(markup.text());
      case List<?> list -> List.copyOf(list);
      case Tuple tuple -> tuple.items();
      case Map<?, ?> map -> List.copyOf(map.keySet());
      case Range range -> range.items();
      case View view -> view.items();
      case Generator generator -> generator.take();
      case Undefined undefined -> List.of();
      case LoopState loop -> throw JinjaException.unsupported("walking through 'loop' itself");
      default -> throw JinjaException.error("a " + typeName(value) + " cannot be iterated over");
    };
  }

  private static List<Object> characters(String text) {
    List<Object> items = new ArrayList<>(text.length());
    text.codePoints().forEach(c -> items.add(Character.toString(c)));
    return items;
  }

  /** Python's {@code item in container}. */
  static boolean contains(Object container, Object item) {
    return switch (container) {
      case String text -> {
        String part =
            switch (item) {
              case String string -> string;
              case Markup markup -> markup.text();
              default ->
                  throw JinjaException.error(
                      "'in' on a string needs a string, found a " + typeName(item));
            };
        yield text.contains(part);
      }
      case Markup markup -> contains(markup.text(), item);
      case Map<?, ?> map -> map.containsKey(key(item));
      default -> {
        for (Object candidate : iterate(container)) {
          if (Comparison.equal(candidate, item)) {
            yield true;
          }
        }
        yield false;
      }
    };
  }

  /** The form under which a dict finds {@code value}: for Python 1, 1.0 and True are one key. */
  static Object key(Object value) {
    return switch (value) {
      case Boolean flag -> flag ? 1L : 0L;
      case Double number when number == Math.rint(number) && Math.abs(number) < 0x1p53 ->
          number.longValue();
      case Markup markup -> markup.text();
      case List<?> list -> throw JinjaException.error("a list cannot be the key of a dict");
      case Map<?, ?> map -> throw JinjaException.error("a dict cannot be the key of a dict");
      default -> value;
    };
  }
}
