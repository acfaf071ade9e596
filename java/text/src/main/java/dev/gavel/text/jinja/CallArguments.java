package dev.gavel.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The evaluated arguments of one call, and their binding to parameter names.
 *
 * @param positional the arguments without a name, in order
 * @param named the arguments with a name, in order
 */
record CallArguments(List<Object> positional, Map<String, Object> named) {

  static final CallArguments NONE = new CallArguments(List.of(), Map.of());

  static CallArguments of(Object... positional) {
    return new CallArguments(List.of(positional), Map.of());
  }

  /** The arguments from position {@code from} on, with all named ones. */
  CallArguments from(int from) {
    return new CallArguments(positional.subList(from, positional.size()), named);
  }

  /**
   * Gives every argument its parameter; too many, unknown, repeated or missing ones are errors.
   *
   * @param callee what is called, for messages
   * @param required how many of the parameters must be given
   * @param parameters all parameter names, in order
   */
  Bound bind(String callee, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw JinjaException.error(
          callee
              + " takes at most "
              + parameters.length
              + " arguments, found "
              + positional.size());
    }
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 0; i < positional.size(); i++) {
      values.put(parameters[i], positional.get(i));
    }
    named.forEach((name, value) -> {
      if (!List.of(parameters).contains(name)) {
        throw JinjaException.error(callee + " has no argument named '" + name + "'");
      }
      if (values.put(name, value) != null) {
        throw JinjaException.error(callee + " is given the argument '" + name + "' twice");
      }
    });
    for (int i = 0; i < required; i++) {
      if (!values.containsKey(parameters[i])) {
        throw JinjaException.error(callee + " needs the argument '" + parameters[i] + "'");
      }
    }
    return new Bound(callee, values);
  }

  /** As {@link #bind}, for a callee whose arguments Python takes by position only. */
  Bound bindPositional(String callee, int required, String... parameters) {
    if (!named.isEmpty()) {
      throw JinjaException.error(callee + " takes no named arguments");
    }
    return bind(callee, required, parameters);
  }

  /** Arguments by parameter name. */
  record Bound(String callee, Map<String, Object> values) {

    Optional<Object> find(String name) {
      return Optional.ofNullable(values.get(name));
    }

    Object get(String name, Object otherwise) {
      return values.getOrDefault(name, otherwise);
    }

    /** An argument whose default is None: absent, or None given, is empty. */
    Optional<Object> notNone(String name) {
      return find(name).filter(value -> value != None.NONE);
    }

    String text(String name) {
      Object value = get(name, None.NONE);
      if (value instanceof String text) {
        return text;
      }
      throw JinjaException.error(
          callee + " needs a string as '" + name + "', found a " + Values.typeName(value));
    }

    long integer(String name, long otherwise) {
      return find(name).map(Numbers::toLong).orElse(otherwise);
    }

    boolean flag(String name, boolean otherwise) {
      return find(name).map(Values::truth).orElse(otherwise);
    }
  }
}
