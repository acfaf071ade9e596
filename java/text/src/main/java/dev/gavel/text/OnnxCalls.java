package dev.gavel.text;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The calls that run in ONNX Runtime, and the end of the JVM. When the JVM ends, by a signal or by
 * {@link System#exit}, C++ takes the library's own data away, and a call that is in it then ends
 * the process with a crash. So an exit hook waits for the calls that run, and none begins after it.
 */
final class OnnxCalls {
  private static final ReentrantReadWriteLock LOCK = new ReentrantReadWriteLock();

  // Guarded by the lock. A thread that waits to write goes before those that come later to read.
  private static boolean ending;

  private OnnxCalls() {}

  /** Sets the exit hook; once. */
  static void awaitAtExit() {
    Runtime.getRuntime().addShutdownHook(new Thread(OnnxCalls::end, "gavel-onnx-exit"));
  }

  /**
   * Begins a call; ended by {@link #leave()}.
   *
   * @throws IllegalStateException if the JVM is ending
   */
  static void enter() {
    if (!tryEnter()) {
      throw new IllegalStateException("the JVM is ending: no backbone runs any more");
    }
  }

  /** Begins a call, unless the JVM is ending. */
  static boolean tryEnter() {
    LOCK.readLock().lock();
    if (ending) {
      LOCK.readLock().unlock();
      return false;
    }
    return true;
  }

  static void leave() {
    LOCK.readLock().unlock();
  }

  private static void end() {
    LOCK.writeLock().lock();
    try {
      ending = true;
    } finally {
      LOCK.writeLock().unlock();
    }
  }
}
