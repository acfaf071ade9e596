package dev.gavel;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Native memory of an object that is being made, and what else it will own. Where that fails
 * halfway nothing is left behind: nobody could close it.
 */
final class OwnedMemory {
  private final Arena arena = Arena.ofShared();
  private final List<Runnable> others = new ArrayList<>();

  private OwnedMemory() {}

  /**
   * Makes an object, which owns the memory from then on.
   *
   * @param name what it is, for the message
   * @throws OutOfHostMemoryException if the memory cannot be had
   */
  static <T> T make(String name, Function<OwnedMemory, T> maker) {
    OwnedMemory memory = new OwnedMemory();
    try {
      return maker.apply(memory);
    } catch (OutOfMemoryError e) {
      memory.close();
      // No option of the virtual machine limits such memory; where more is asked for than there are
      // addresses, it has no message.
      throw new OutOfHostMemoryException(
          "cannot allocate native memory for %s: %s. Use smaller batches, or give the process more memory"
              .formatted(
                  name, e.getMessage() == null ? "more than there are addresses" : e.getMessage()));
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /** Where to allocate. */
  Arena arena() {
    return arena;
  }

  /** Adds what else the object owns. */
  void add(Runnable close) {
    others.add(close);
  }

  private void close() {
    others.forEach(Runnable::run);
    arena.close();
  }
}
