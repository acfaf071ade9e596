package dev.gavel.bindings;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What remains of a handle that was forgotten: its arena and its name. Holds no reference to the
 * handle, else that would stay reachable for ever.
 */
final class NativeObject implements Runnable {
  static final Cleaner CLEANER = Cleaner.create();
  static final AtomicLong LIVE = new AtomicLong();
  static final AtomicLong LEAKED = new AtomicLong();

  private static final System.Logger LOGGER = System.getLogger("dev.gavel.bindings");

  private final String name;
  private final Arena arena;
  private final Optional<Throwable> origin;

  NativeObject(String name, Arena arena, Optional<Throwable> origin) {
    this.name = name;
    this.arena = arena;
    this.origin = origin;
    LIVE.incrementAndGet();
  }

  String name() {
    return name;
  }

  /** Access to memory of the object that ends with it. */
  MemorySegment tied(MemorySegment memory, long bytes) {
    return memory.reinterpret(bytes, arena, ignored -> {});
  }

  boolean isOpen() {
    return arena.scope().isAlive();
  }

  /**
   * Closes the arena, which destroys the object.
   *
   * @return whether this call did it, rather than an earlier or a concurrent one
   */
  boolean close() {
    if (!isOpen()) {
      return false;
    }
    try {
      arena.close();
    } catch (IllegalStateException e) {
      if (!isOpen()) {
        return false;
      }
      throw new IllegalStateException(
          name
              + " cannot be closed while a native call uses it; it stays open: wait for the call,"
              + " then close it again",
          e);
    }
    LIVE.decrementAndGet();
    return true;
  }

  /** The cleaner's action: nothing after a close, else the handle leaked. */
  @Override
  public void run() {
    boolean leaked;
    try {
      leaked = close();
    } catch (IllegalStateException inUse) {
      // The last call outlives the handle. An object nobody holds brings us back at the next
      // collection.
      CLEANER.register(new Object(), this);
      return;
    }
    if (leaked) {
      LEAKED.incrementAndGet();
      String message =
          name
              + " was never closed; it was destroyed when it became unreachable. Close it, for"
              + " instance with try-with-resources.";
      if (origin.isPresent()) {
        LOGGER.log(Level.WARNING, message, origin.get());
      } else {
        LOGGER.log(
            Level.WARNING,
            message + " -D" + LeakTracking.PROPERTY + "=trace tells where it came from.");
      }
    }
  }
}
