package dev.gavel.bindings;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counts the calls that use some memory, so that it is not freed under one of them: what {@link
 * NativeHandle} gets from its arena, for memory that native code reaches through a descriptor. Safe
 * for use by several threads at once; allocates nothing.
 *
 * <pre>{@code
 * guard.acquire();
 * try { ... native call ... } finally { guard.release(); }
 *
 * public void close() { if (guard.close()) { arena.close(); } }
 * }</pre>
 */
public final class UseGuard {
  private static final VarHandle USES;

  static {
    try {
      USES = MethodHandles.lookup().findVarHandle(UseGuard.class, "uses", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final int CLOSED = -1;
  private static final int EXCLUSIVE = -2;

  private final String name;

  @SuppressWarnings("unused") // read and written through USES
  private volatile int uses;

  /**
   * An open guard without uses.
   *
   * @param name what is guarded, for messages, for instance {@code hidden states bf16[12, 384]}
   */
  public UseGuard(String name) {
    this.name = name;
  }

  /**
   * Begins a use; each is ended by one {@link #release()}.
   *
   * @throws IllegalStateException if the guard is closed
   */
  public void acquire() {
    int current;
    do {
      current = (int) USES.getVolatile(this);
      if (current < 0) {
        throw refusal(current);
      }
      if (current == Integer.MAX_VALUE) {
        throw new IllegalStateException(name + " has too many uses at once");
      }
    } while (!USES.compareAndSet(this, current, current + 1));
  }

  /**
   * Ends a use.
   *
   * @throws IllegalStateException if none was begun
   */
  public void release() {
    int current;
    do {
      current = (int) USES.getVolatile(this);
      if (current <= 0) {
        throw new IllegalStateException(name + " is released more often than it was acquired");
      }
    } while (!USES.compareAndSet(this, current, current - 1));
  }

  /**
   * Begins a use that excludes every other one; it is ended by {@link #releaseExclusively()}.
   *
   * @throws IllegalStateException if the guard is closed, or in use
   */
  public void acquireExclusively() {
    int found = (int) USES.compareAndExchange(this, 0, EXCLUSIVE);
    if (found != 0) {
      throw refusal(found);
    }
  }

  /**
   * Ends an exclusive use.
   *
   * @throws IllegalStateException if none was begun
   */
  public void releaseExclusively() {
    if (!USES.compareAndSet(this, EXCLUSIVE, 0)) {
      throw new IllegalStateException(name + " is released more often than it was acquired");
    }
  }

  private IllegalStateException refusal(int found) {
    return new IllegalStateException(
        found == CLOSED ? name + " is closed" : name + " is in use by another call");
  }

  /** Whether {@link #close()} has not succeeded yet. */
  public boolean isOpen() {
    return (int) USES.getVolatile(this) != CLOSED;
  }

  /**
   * Ends all use for ever.
   *
   * @return whether this call did it, rather than an earlier or a concurrent one; the memory is to
   *     be freed then
   * @throws IllegalStateException if it is in use; it stays open and can be closed later
   */
  public boolean close() {
    int found = (int) USES.compareAndExchange(this, 0, CLOSED);
    if (found > 0 || found == EXCLUSIVE) {
      throw new IllegalStateException(
          name
              + " cannot be closed while a native call uses it; it stays open: wait for the call,"
              + " then close it again");
    }
    return found == 0;
  }
}
