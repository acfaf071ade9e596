package dev.gavel.bindings;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A small C library: {@code enter(object)} marks the object as entered and returns when it is told
 * to, {@code destroy(object)} counts.
 */
final class SpinLibrary {
  private static final String SOURCE =
      """
      #include <stdatomic.h>
      struct object { atomic_int entered, leave, destroyed; };
      void enter(struct object *object) {
        atomic_store(&object->entered, 1);
        while (!atomic_load(&object->leave)) { }
      }
      void destroy(struct object *object) { atomic_fetch_add(&object->destroyed, 1); }
      """;

  private final MethodHandle enter;
  private final MethodHandle enterHolding;
  private final MethodHandle destroy;

  SpinLibrary(Path folder) throws IOException {
    SymbolLookup library =
        SymbolLookup.libraryLookup(Tools.sharedLibrary(folder, "spin", SOURCE), Arena.ofAuto());
    FunctionDescriptor takesObject = FunctionDescriptor.ofVoid(ValueLayout.ADDRESS);
    Linker linker = Linker.nativeLinker();
    enter = linker.downcallHandle(library.find("enter").orElseThrow(), takesObject);
    enterHolding = BorrowedMemory.handle(library.find("enter").orElseThrow(), takesObject);
    destroy = linker.downcallHandle(library.find("destroy").orElseThrow(), takesObject);
  }

  /** The C side of one object; its memory lives as long as the test. */
  static final class Watched {
    private final MemorySegment fields = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, 3);

    MemorySegment address() {
      return MemorySegment.ofAddress(fields.address());
    }

    void awaitEntered() {
      while (volatileInt(0) == 0) {
        Thread.onSpinWait();
      }
    }

    boolean entered() {
      return volatileInt(0) != 0;
    }

    void leave() {
      ValueLayout.JAVA_INT.varHandle().setVolatile(fields, 4L, 1);
    }

    int destroyed() {
      return volatileInt(8);
    }

    private int volatileInt(long offset) {
      return (int) ValueLayout.JAVA_INT.varHandle().getVolatile(fields, offset);
    }
  }

  Consumer<MemorySegment> destroyer() {
    return address -> call(destroy, address);
  }

  void enter(MemorySegment object) {
    call(enter, object);
  }

  /** As {@link #enter}, holding the borrowed memory of this thread. */
  void enterHolding(MemorySegment object) {
    call(enterHolding, object);
  }

  private static void call(MethodHandle function, MemorySegment object) {
    try {
      function.invokeExact(object);
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing checked", e);
    }
  }
}
