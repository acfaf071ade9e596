package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import dev.gavel.text.jinja.Values.Generator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** The filters {@code map}, {@code select}, {@code reject} and their {@code attr} forms. */
final class SelectionFilters {

  private SelectionFilters() {}

  static void addTo(Map<String, Filters.Filter> all) {
    all.put("map", SelectionFilters::map);
    all.put("select", (input, arguments) -> select("select", input, arguments, false, true));
    all.put("reject", (input, arguments) -> select("reject", input, arguments, false, false));
    all.put("selectattr", (input, arguments) -> select("selectattr", input, arguments, true, true));
    all.put(
        "rejectattr", (input, arguments) -> select("rejectattr", input, arguments, true, false));
  }

  /** The look-up an {@code attribute} argument asks for; without one, the item itself. */
  static UnaryOperator<Object> attribute(Bound bound) {
    return bound.notNone("attribute").map(path -> lookUp(path, None.NONE)).orElse(item -> item);
  }

  /**
   * Follows a path such as {@code "function.name"}; an undefined step becomes {@code otherwise}.
   */
  private static UnaryOperator<Object> lookUp(Object path, Object otherwise) {
    List<Object> steps = new ArrayList<>();
    if (path instanceof String text) {
      for (String step : Splitting.split(text, Optional.of("."), -1, true)) {
        boolean isIndex = !step.isEmpty() && step.chars().allMatch(c -> c >= '0' && c <= '9');
        steps.add(isIndex ? (Object) Long.valueOf(step) : step);
      }
    } else {
      steps.add(Numbers.toLong(path));
    }
    return item -> {
      Object value = item;
      for (Object step : steps) {
        value = Access.item(value, step);
        if (otherwise != None.NONE && value instanceof Undefined) {
          value = otherwise;
        }
      }
      return value;
    };
  }

  private static Object map(Object input, CallArguments arguments) {
    UnaryOperator<Object> function;
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Bound bound = arguments.bind("map", 0, "attribute", "default");
      function = lookUp(bound.get("attribute", None.NONE), bound.get("default", None.NONE));
    } else if (!arguments.positional().isEmpty()
        && arguments.positional().getFirst() instanceof String name) {
      CallArguments rest = arguments.from(1);
      function = item -> Filters.apply(name, item, rest);
    } else {
      throw JinjaException.error("map needs the name of a filter, or attribute='...'");
    }
    List<Object> result = new ArrayList<>();
    for (Object item : Values.iterate(input)) {
      result.add(function.apply(item));
    }
    return new Generator(result);
  }

  private static Object select(
      String filter, Object input, CallArguments arguments, boolean byAttribute, boolean keep) {
    if (!Values.truth(input)) {
      return new Generator(List.of());
    }
    UnaryOperator<Object> subject = item -> item;
    CallArguments rest = arguments;
    if (byAttribute) {
      if (rest.positional().isEmpty()) {
        throw JinjaException.error(filter + " needs the name of an attribute");
      }
      subject = lookUp(rest.positional().getFirst(), None.NONE);
      rest = rest.from(1);
    }
    Predicate<Object> test = Values::truth;
    if (!rest.positional().isEmpty()) {
      if (!(rest.positional().getFirst() instanceof String name)) {
        throw JinjaException.error(filter + " needs the name of a test as a string");
      }
      CallArguments testArguments = rest.from(1);
      test = value -> Tests.apply(name, value, testArguments);
    } else if (!rest.named().isEmpty()) {
      throw JinjaException.error(filter + " takes no named arguments without a test");
    }
    List<Object> kept = new ArrayList<>();
    for (Object item : Values.iterate(input)) {
      if (test.test(subject.apply(item)) == keep) {
        kept.add(item);
      }
    }
    return new Generator(kept);
  }
}
