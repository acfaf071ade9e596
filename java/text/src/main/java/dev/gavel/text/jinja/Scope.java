package dev.gavel.text.jinja;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The names a block of a template can see: its own and those of the blocks around it.
 *
 * <p>Assignments stay in the block: what a loop's body sets is gone with the iteration, which is
 * why templates use {@code namespace}.
 */
final class Scope {

  private final Optional<Scope> outer;
  private final Map<String, Object> names = new HashMap<>();

  private Scope(Optional<Scope> outer) {
    this.outer = outer;
  }

  static Scope root() {
    return new Scope(Optional.empty());
  }

  Scope inner() {
    return new Scope(Optional.of(this));
  }

  void set(String name, Object value) {
    names.put(name, value);
  }

  Optional<Object> find(String name) {
    Object own = names.get(name);
    return own != null ? Optional.of(own) : outer.flatMap(scope -> scope.find(name));
  }
}
