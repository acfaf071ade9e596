package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Function;
import dev.gavel.text.jinja.Values.Tuple;
import dev.gavel.text.jinja.Values.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The methods of Python's own types.
 *
 * <p>A name Python does not have is absent, so that an element of that name is looked up next. A
 * name Python has and this renderer has not is an error, never absent. Methods that would change
 * their object are an error, as in Jinja's immutable sandbox.
 */
final class Methods {

  private static final Set<String> DICT_CHANGES =
      Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> LIST_CHANGES =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
  private static final Set<String> NUMBER_NAMES =
      Set.of(
          "as_integer_ratio",
          "bit_count",
          "bit_length",
          "conjugate",
          "denominator",
          "from_bytes",
          "fromhex",
          "hex",
          "imag",
          "is_integer",
          "numerator",
          "real",
          "to_bytes");

  private Methods() {}

  static Optional<Object> find(Object target, String name) {
    return switch (target) {
      case String text -> TextMethods.find(text, name).map(function -> function);
      case Map<?, ?> map -> dict(map, name).map(function -> function);
      case List<?> list -> {
        if (LIST_CHANGES.contains(name)) {
          throw forbidden("list", name);
        }
        yield name.equals("copy")
            ? Optional.of((Function) arguments -> new ArrayList<Object>(list))
            : sequence(list, name).map(function -> function);
      }
      case Tuple tuple -> sequence(tuple.items(), name).map(function -> function);
      case None none -> Optional.empty();
      default -> {
        if (!Numbers.isNumber(target) || NUMBER_NAMES.contains(name)) {
          throw JinjaException.unsupported(
              "the attribute '" + name + "' of a " + Values.typeName(target));
        }
        yield Optional.empty();
      }
    };
  }

  private static JinjaException forbidden(String type, String name) {
    return JinjaException.error("the sandbox forbids '" + name + "': it would change the " + type);
  }

  private static Optional<Function> dict(Map<?, ?> map, String name) {
    if (DICT_CHANGES.contains(name)) {
      throw forbidden("dict", name);
    }
    return switch (name) {
      case "items" -> noArguments(name, () -> new View(entries(map)));
      case "keys" -> noArguments(name, () -> new View(List.copyOf(map.keySet())));
      case "values" -> noArguments(name, () -> new View(List.copyOf(map.values())));
      case "copy" -> noArguments(name, () -> new LinkedHashMap<Object, Object>(map));
      case "get" ->
          Optional.of(arguments -> {
            var bound = arguments.bindPositional("get", 1, "key", "default");
            Object found = map.get(Values.key(bound.get("key", None.NONE)));
            return found != null ? found : bound.get("default", None.NONE);
          });
      case "fromkeys" -> throw JinjaException.unsupported("dict.fromkeys");
      default -> Optional.empty();
    };
  }

  /** The entries as Python's pairs. */
  static List<Object> entries(Map<?, ?> map) {
    List<Object> entries = new ArrayList<>(map.size());
    map.forEach((key, value) -> entries.add(new Tuple(List.of(key, value))));
    return entries;
  }

  private static Optional<Function> sequence(List<?> items, String name) {
    return switch (name) {
      case "count" ->
          Optional.of(arguments -> {
            Object value = arguments.bindPositional(name, 1, "value").get("value", None.NONE);
            return items.stream().filter(item -> Comparison.equal(item, value)).count();
          });
      case "index" ->
          Optional.of(arguments -> {
            Object value = arguments.bindPositional(name, 1, "value").get("value", None.NONE);
            for (int i = 0; i < items.size(); i++) {
              if (Comparison.equal(items.get(i), value)) {
                return (long) i;
              }
            }
            throw JinjaException.error(Repr.repr(value) + " is not in the list");
          });
      default -> Optional.empty();
    };
  }

  private static Optional<Function> noArguments(
      String name, java.util.function.Supplier<Object> result) {
    return Optional.of(arguments -> {
      arguments.bind(name, 0);
      return result.get();
    });
  }
}
