package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Values.Namespace;
import dev.gavel.text.jinja.Values.Range;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code a.b}, {@code a[b]} and {@code a[b:c:d]} as Jinja's sandbox resolves them. */
final class Access {

  private Access() {}

  /** {@code target.name}: an attribute first, then an element of that name. */
  static Object attribute(Object target, String name) {
    return attributeOnly(target, name)
        .or(() -> element(target, name))
        .orElseGet(() -> Undefined.member(target, name));
  }

  /** {@code target[index]}: an element first, then an attribute of that name. */
  static Object item(Object target, Object index) {
    return element(target, index)
        .or(() -> index instanceof String name ? attributeOnly(target, name) : Optional.empty())
        .orElseGet(() -> Undefined.member(target, index));
  }

  private static Optional<Object> attributeOnly(Object target, String name) {
    if (target instanceof Undefined undefined) {
      throw undefined.fail();
    }
    if (name.startsWith("__")) {
      throw JinjaException.error("the sandbox forbids access to '" + name + "'");
    }
    return switch (target) {
      case Namespace namespace -> Optional.ofNullable(namespace.members().get(name));
      case LoopState loop -> LoopState.has(name) ? Optional.of(loop.get(name)) : Optional.empty();
      case Macro macro ->
          throw JinjaException.unsupported("the attribute '" + name + "' of a macro");
      default -> Methods.find(target, name);
    };
  }

  private static Optional<Object> element(Object target, Object index) {
    return switch (target) {
      case Undefined undefined -> throw undefined.fail();
      case Map<?, ?> map ->
          index instanceof List || index instanceof Map
              ? Optional.empty()
              : Optional.ofNullable(map.get(Values.key(index)));
      case List<?> list -> at(list, index);
      case Tuple tuple -> at(tuple.items(), index);
      case Values.Markup markup ->
          throw JinjaException.unsupported("a part of text marked as safe");
      case Range range -> at(range.items(), index);
      case String text ->
          Numbers.isInteger(index) ? at(Values.iterate(text), index) : Optional.empty();
      default -> Optional.empty();
    };
  }

  private static Optional<Object> at(List<?> items, Object index) {
    if (!Numbers.isInteger(index)) {
      return Optional.empty();
    }
    long i = Numbers.toLong(index);
    long position = i < 0 ? i + items.size() : i;
    return position >= 0 && position < items.size()
        ? Optional.of(items.get((int) position))
        : Optional.empty();
  }

  /** {@code target[start:stop:step]} with Python's rules for what is left out or out of range. */
  static Object slice(Object target, Object start, Object stop, Object step) {
    return switch (target) {
      case String text -> {
        StringBuilder out = new StringBuilder();
        slice(Values.iterate(text), start, stop, step).forEach(c -> out.append((String) c));
        yield out.toString();
      }
      case List<?> list -> slice(List.copyOf(list), start, stop, step);
      case Tuple tuple -> new Tuple(slice(tuple.items(), start, stop, step));
      case Undefined undefined -> throw undefined.fail();
      default -> throw JinjaException.error("a " + Values.typeName(target) + " cannot be sliced");
    };
  }

  private static List<Object> slice(List<Object> items, Object start, Object stop, Object step) {
    long stride = step == None.NONE ? 1 : Numbers.toLong(step);
    if (stride == 0) {
      throw JinjaException.error("a slice's step cannot be zero");
    }
    int size = items.size();
    boolean forward = stride > 0;
    long from = start == None.NONE ? (forward ? 0 : size - 1) : bound(start, size, forward);
    long to = stop == None.NONE ? (forward ? size : -1) : bound(stop, size, forward);
    List<Object> result = new ArrayList<>();
    for (long i = from; forward ? i < to : i > to; i += stride) {
      result.add(items.get((int) i));
      if (Math.abs(stride) > size) {
        break; // the next index is outside, and adding the stride could overflow
      }
    }
    return result;
  }

  private static long bound(Object index, int size, boolean forward) {
    long i = Numbers.toLong(index);
    long position = i < 0 ? Math.max(i, -size - 1L) + size : i;
    return Math.clamp(position, forward ? 0 : -1, forward ? size : size - 1);
  }
}
