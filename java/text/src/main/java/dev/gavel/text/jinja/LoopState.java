package dev.gavel.text.jinja;

import java.util.List;

/** The {@code loop} variable of a for loop. */
final class LoopState {

  private static final List<String> FUNCTIONS = List.of("cycle", "changed");

  private final List<Object> items;
  private int index0 = -1;
  private List<Object> lastChanged = List.of();
  private boolean changedCalled;

  LoopState(List<Object> items) {
    this.items = items;
  }

  /** Moves to the next item. */
  void advance() {
    index0++;
  }

  int length() {
    return items.size();
  }

  static boolean has(String name) {
    return switch (name) {
      case "index",
          "index0",
          "revindex",
          "revindex0",
          "first",
          "last",
          "length",
          "depth",
          "depth0",
          "previtem",
          "nextitem" ->
          true;
      default -> FUNCTIONS.contains(name);
    };
  }

  Object get(String name) {
    long length = items.size();
    return switch (name) {
      case "index" -> index0 + 1L;
      case "index0" -> (long) index0;
      case "revindex" -> length - index0;
      case "revindex0" -> length - index0 - 1;
      case "first" -> index0 == 0;
      case "last" -> index0 == length - 1;
      case "length" -> length;
      case "depth" -> 1L; // only a recursive loop, refused by the parser, goes deeper
      case "depth0" -> 0L;
      case "previtem" ->
          index0 > 0 ? items.get(index0 - 1) : new Undefined("there is no previous item");
      case "nextitem" ->
          index0 + 1 < length ? items.get(index0 + 1) : new Undefined("there is no next item");
      case "cycle" -> (Values.Function) this::cycle;
      case "changed" -> (Values.Function) this::changed;
      default -> throw new IllegalArgumentException(name);
    };
  }

  private Object cycle(CallArguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty()) {
      throw JinjaException.error("loop.cycle needs at least one value");
    }
    return values.get(index0 % values.size());
  }

  private Object changed(CallArguments arguments) {
    List<Object> values = arguments.positional();
    boolean changed =
        !changedCalled
            || !Comparison.equal(new Values.Tuple(lastChanged), new Values.Tuple(values));
    changedCalled = true;
    lastChanged = values;
    return changed;
  }
}
