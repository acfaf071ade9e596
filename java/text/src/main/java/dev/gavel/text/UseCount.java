package dev.gavel.text;

import dev.gavel.message.Counted;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Keeps native memory of another library alive while it is in use: those libraries free it under a
 * running call, which ends the JVM.
 */
final class UseCount {

  private static final int CLOSED = -1;

  private final String owner;
  private final AtomicInteger uses = new AtomicInteger();

  /**
   * Counts the uses of an object.
   *
   * @param owner what it is, for messages
   */
  UseCount(String owner) {
    this.owner = owner;
  }

  /**
   * Begins a use; {@link #end} must follow.
   *
   * @throws IllegalStateException if the owner is closed
   */
  void begin() {
    if (uses.getAndUpdate(n -> n == CLOSED ? CLOSED : n + 1) == CLOSED) {
      throw new IllegalStateException(owner + " is closed");
    }
  }

  /**
   * Does something that uses the owner.
   *
   * @throws IllegalStateException if the owner is closed
   */
  <T> T during(Supplier<T> work) {
    begin();
    try {
      return work.get();
    } finally {
      end();
    }
  }

  void end() {
    uses.decrementAndGet();
  }

  /**
   * Closes the owner.
   *
   * @return whether this call did; not if it was closed before
   * @throws IllegalStateException if it is in use
   */
  boolean close() {
    int found = uses.compareAndExchange(0, CLOSED);
    if (found > 0) {
      throw new IllegalStateException(
          "%s is in use by %s; close it when nothing uses it"
              .formatted(owner, Counted.of(found, "call")));
    }
    return found == 0;
  }
}
