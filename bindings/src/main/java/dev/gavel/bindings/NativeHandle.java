package dev.gavel.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Owns one native object, for instance a reward head, and destroys it once.
 *
 * <p>The address lives in a shared {@link Arena} of its own whose cleanup is the C destroy
 * function. From that follow the guarantees: an address taken after {@link #close()} is refused; a
 * native call holds the arena while it runs, so a close during it fails and leaves the object open.
 * Opening and closing cost tens of microseconds, so handles are for objects that live longer than a
 * call.
 *
 * <p>Safe for use by several threads at once. A handle that becomes unreachable without being
 * closed is a leak: it is destroyed by the {@link Cleaner} and reported, with the place of its
 * creation where {@code -Dgavel.leaks=trace} is set.
 */
public final class NativeHandle implements AutoCloseable {
  private static final AtomicLong SEQUENCE = new AtomicLong();

  private final NativeObject object;
  private final MemorySegment address;
  private final Cleaner.Cleanable leakNet;

  private NativeHandle(NativeObject object, MemorySegment address) {
    this.object = object;
    this.address = address;
    this.leakNet = NativeObject.CLEANER.register(this, object);
  }

  /**
   * Takes ownership of a native object.
   *
   * @param kind what it is, for messages, for instance {@code reward head}
   * @param address the object, not NULL
   * @param destroy the C destroy function; called exactly once, on any thread, also where this
   *     method fails
   */
  static NativeHandle own(String kind, MemorySegment address, Consumer<MemorySegment> destroy) {
    Optional<Throwable> origin;
    try {
      origin = LeakTracking.origin();
    } catch (IllegalArgumentException e) {
      destroy.accept(address);
      throw e;
    }
    Arena arena = Arena.ofShared();
    MemorySegment owned = address.reinterpret(arena, destroy);
    String name = kind + " #" + SEQUENCE.incrementAndGet();
    return new NativeHandle(new NativeObject(name, arena, origin), owned);
  }

  /**
   * The address, to pass to a native call. The handle must stay reachable until that call returns.
   *
   * @throws IllegalStateException if the handle is closed
   */
  public MemorySegment address() {
    if (!object.isOpen()) {
      throw new IllegalStateException(object.name() + " is closed");
    }
    return address;
  }

  /** Memory that the object owns, with access to it that ends when this is closed. */
  MemorySegment tied(MemorySegment memory, long bytes) {
    return object.tied(memory, bytes);
  }

  /** Kind and number, for instance {@code reward head #3}. */
  public String name() {
    return object.name();
  }

  /** Whether {@link #close()} has not happened yet. */
  public boolean isOpen() {
    return object.isOpen();
  }

  /**
   * Destroys the native object. Closing again does nothing.
   *
   * @throws IllegalStateException if a native call is using the object; it stays open and can be
   *     closed later
   */
  @Override
  public void close() {
    if (object.close()) {
      leakNet.clean();
    }
  }

  @Override
  public String toString() {
    return object.isOpen() ? object.name() : object.name() + " (closed)";
  }

  /**
   * Number of native objects that exist in this process: opened, and neither closed nor found
   * leaked.
   */
  public static long liveCount() {
    return NativeObject.LIVE.get();
  }

  /** Number of handles that became unreachable without being closed, since the process started. */
  public static long leakCount() {
    return NativeObject.LEAKED.get();
  }
}
