package dev.gavel.text.jinja;

import dev.gavel.text.jinja.CallArguments.Bound;
import dev.gavel.text.jinja.Values.Function;
import dev.gavel.text.jinja.Values.Namespace;
import dev.gavel.text.jinja.Values.Range;
import dev.gavel.text.jinja.Values.Tuple;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** The functions every template can call: Jinja's own and the two that transformers adds. */
final class Functions {

  /** Names Jinja would resolve and this renderer cannot; they must not pass for undefined. */
  private static final Set<String> UNSUPPORTED =
      Set.of("lipsum", "cycler", "joiner", "self", "super", "varargs", "kwargs");

  private final Map<String, Function> functions;

  Functions(Supplier<LocalDateTime> now) {
    functions =
        Map.of(
            "range", Functions::range,
            "dict", arguments -> members("dict", arguments),
            "namespace",
                arguments -> {
                  Map<String, Object> members = new LinkedHashMap<>();
                  members("namespace", arguments)
                      .forEach((name, value) -> members.put(Repr.str(name), value));
                  return new Namespace(members);
                },
            "raise_exception",
                arguments -> {
                  Bound bound = arguments.bind("raise_exception", 1, "message");
                  throw JinjaException.raised(Repr.str(bound.get("message", None.NONE)));
                },
            "strftime_now",
                arguments ->
                    Dates.format(
                        arguments.bind("strftime_now", 1, "format").text("format"), now.get()));
  }

  Optional<Object> find(String name) {
    if (UNSUPPORTED.contains(name)) {
      throw JinjaException.unsupported("'" + name + "'");
    }
    return Optional.ofNullable(functions.get(name));
  }

  private static Object range(CallArguments arguments) {
    List<Object> given = arguments.positional();
    if (given.isEmpty() || given.size() > 3 || !arguments.named().isEmpty()) {
      throw JinjaException.error("range takes one to three integers");
    }
    long start = given.size() > 1 ? Numbers.toLong(given.getFirst()) : 0;
    long stop = Numbers.toLong(given.get(given.size() > 1 ? 1 : 0));
    long step = given.size() > 2 ? Numbers.toLong(given.get(2)) : 1;
    if (step == 0) {
      throw JinjaException.error("the step of a range cannot be zero");
    }
    // In floating point there is no overflow, and the limit is far below where it would be inexact.
    double exact = Math.ceil(((double) stop - (double) start) / step);
    if (exact > Limits.MAX_RANGE) {
      throw JinjaException.error("a range of more than " + Limits.MAX_RANGE + " items");
    }
    return new Range(start, stop, step, (int) Math.max(0, exact));
  }

  /** A dict from another one, or from pairs, and named arguments. */
  private static Map<Object, Object> members(String name, CallArguments arguments) {
    if (arguments.positional().size() > 1) {
      throw JinjaException.error(name + " takes at most one positional argument");
    }
    Map<Object, Object> members = new LinkedHashMap<>();
    for (Object source : arguments.positional()) {
      if (source instanceof Map<?, ?> map) {
        members.putAll(map);
      } else {
        for (Object pair : Values.iterate(source)) {
          List<Object> two = Values.iterate(pair);
          if (two.size() != 2 || !(pair instanceof Tuple || pair instanceof List)) {
            throw JinjaException.error(name + " needs pairs of a key and a value");
          }
          members.put(Evaluator.dictKey(two.getFirst()), two.getLast());
        }
      }
    }
    members.putAll(arguments.named());
    return members;
  }
}
