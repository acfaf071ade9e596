package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import dev.gavel.text.jinja.Values.Generator;
import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters on lists, dicts and other things with items. */
final class SequenceFilters {

  private SequenceFilters() {}

  static void addTo(Map<String, Filters.Filter> all) {
    all.put("length", SequenceFilters::length);
    all.put("count", SequenceFilters::length);
    all.put("first", SequenceFilters::first);
    all.put("last", SequenceFilters::last);
    all.put(
        "list",
        (input, arguments) -> {
          arguments.bind("list", 0);
          return new ArrayList<>(Values.iterate(input));
        });
    all.put("join", SequenceFilters::join);
    all.put("items", SequenceFilters::items);
    all.put("dictsort", SequenceFilters::dictSort);
    all.put("sort", SequenceFilters::sort);
    all.put("reverse", SequenceFilters::reverse);
    all.put("unique", SequenceFilters::unique);
    all.put("min", (input, arguments) -> extreme("min", input, arguments));
    all.put("max", (input, arguments) -> extreme("max", input, arguments));
    all.put("sum", SequenceFilters::sum);
  }

  private static Object length(Object input, CallArguments arguments) {
    arguments.bind("length", 0);
    return Values.length(input);
  }

  private static Object first(Object input, CallArguments arguments) {
    arguments.bind("first", 0);
    if (input instanceof Generator) {
      // Python takes one item and leaves the others; templates that rely on it are too subtle.
      throw JinjaException.unsupported("the first of a lazy sequence; use |list|first");
    }
    List<Object> items = Values.iterate(input);
    return items.isEmpty()
        ? new Undefined("the sequence is empty and has no first item")
        : items.getFirst();
  }

  private static Object last(Object input, CallArguments arguments) {
    arguments.bind("last", 0);
    if (input instanceof Generator) {
      throw JinjaException.error("a lazy sequence has no last item; use |list|last");
    }
    List<Object> items = Values.iterate(input);
    return items.isEmpty()
        ? new Undefined("the sequence is empty and has no last item")
        : items.getLast();
  }

  private static Object join(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("join", 0, "d", "attribute");
    UnaryOperator<Object> attribute = SelectionFilters.attribute(bound);
    String separator = Repr.str(bound.get("d", ""));
    StringBuilder out = new StringBuilder();
    boolean first = true;
    for (Object item : Values.iterate(input)) {
      out.append(first ? "" : separator).append(Repr.str(attribute.apply(item)));
      Limits.checkLength(out.length());
      first = false;
    }
    return out.toString();
  }

  private static Object items(Object input, CallArguments arguments) {
    arguments.bind("items", 0);
    return switch (input) {
      case Undefined undefined -> new Generator(List.of());
      case Map<?, ?> map -> new Generator(Methods.entries(map));
      default ->
          throw JinjaException.error("items needs a dict, found a " + Values.typeName(input));
    };
  }

  private static Object dictSort(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    if (!(input instanceof Map<?, ?> map)) {
      throw JinjaException.error("dictsort needs a dict, found a " + Values.typeName(input));
    }
    Object by = bound.get("by", "key");
    if (!by.equals("key") && !by.equals("value")) {
      throw JinjaException.error("dictsort sorts by 'key' or by 'value', found " + Repr.repr(by));
    }
    int position = by.equals("key") ? 0 : 1;
    boolean exact = bound.flag("case_sensitive", false);
    List<Object> entries = Methods.entries(map);
    sortBy(
        entries,
        entry -> folded(((Tuple) entry).items().get(position), exact),
        bound.flag("reverse", false));
    return entries;
  }

  private static Object sort(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    UnaryOperator<Object> attribute = SelectionFilters.attribute(bound);
    boolean exact = bound.flag("case_sensitive", false);
    List<Object> items = new ArrayList<>(Values.iterate(input));
    sortBy(items, item -> folded(attribute.apply(item), exact), bound.flag("reverse", false));
    return items;
  }

  /** A stable sort; reversed, it is stable too, as Python's is. */
  private static void sortBy(List<Object> items, UnaryOperator<Object> key, boolean reversed) {
    Comparator<Object> order = (a, b) -> Comparison.compare("<", key.apply(a), key.apply(b));
    items.sort(reversed ? order.reversed() : order);
  }

  private static Object folded(Object value, boolean caseSensitive) {
    return value instanceof String text && !caseSensitive ? Case.lower(text) : value;
  }

  private static Object reverse(Object input, CallArguments arguments) {
    arguments.bind("reverse", 0);
    if (input instanceof String text) {
      return new StringBuilder(text).reverse().toString(); // keeps surrogate pairs in order
    }
    if (input instanceof Markup) {
      throw JinjaException.unsupported("changing text marked as safe");
    }
    List<Object> items = new ArrayList<>(Values.iterate(input));
    Collections.reverse(items);
    return input instanceof Generator ? items : new Generator(items);
  }

  private static Object unique(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
    UnaryOperator<Object> attribute = SelectionFilters.attribute(bound);
    boolean exact = bound.flag("case_sensitive", false);
    List<Object> seen = new ArrayList<>();
    List<Object> kept = new ArrayList<>();
    for (Object item : Values.iterate(input)) {
      Object key = Values.key(folded(attribute.apply(item), exact));
      if (seen.stream().noneMatch(other -> Comparison.equal(other, key))) {
        seen.add(key);
        kept.add(item);
      }
    }
    return new Generator(kept);
  }

  private static Object extreme(String name, Object input, CallArguments arguments) {
    Bound bound = arguments.bind(name, 0, "case_sensitive", "attribute");
    UnaryOperator<Object> attribute = SelectionFilters.attribute(bound);
    boolean exact = bound.flag("case_sensitive", false);
    List<Object> items = Values.iterate(input);
    if (items.isEmpty()) {
      return new Undefined("the sequence is empty and has no " + name);
    }
    Object best = items.getFirst();
    for (Object item : items.subList(1, items.size())) {
      Object key = folded(attribute.apply(item), exact);
      Object bestKey = folded(attribute.apply(best), exact);
      boolean better =
          name.equals("min")
              ? Comparison.ordered("<", key, bestKey)
              : Comparison.ordered(">", key, bestKey);
      best = better ? item : best;
    }
    return best;
  }

  private static Object sum(Object input, CallArguments arguments) {
    Bound bound = arguments.bind("sum", 0, "attribute", "start");
    UnaryOperator<Object> attribute = SelectionFilters.attribute(bound);
    Object total = bound.get("start", 0L);
    for (Object item : Values.iterate(input)) {
      Object value = attribute.apply(item);
      if (!Numbers.isNumber(total) || !Numbers.isNumber(value)) {
        throw JinjaException.unsupported("the sum of anything but numbers");
      }
      total = Numbers.arithmetic("+", total, value);
    }
    return total;
  }
}
