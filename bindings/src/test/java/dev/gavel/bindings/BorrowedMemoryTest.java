package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.SpinLibrary.Watched;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class BorrowedMemoryTest {
  @TempDir static Path folder;

  private static SpinLibrary library;

  @BeforeAll
  static void compile() throws IOException {
    library = new SpinLibrary(folder);
  }

  /** 1 and 8 arenas are the usual call, 9 and 64 the one with all places. */
  @ParameterizedTest
  @ValueSource(ints = {1, 8, 9, 64})
  void noArenaOfThemClosesDuringACall(int count) {
    List<Arena> arenas = new ArrayList<>();
    List<MemorySegment> segments = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      arenas.add(Arena.ofShared());
      segments.add(arenas.get(i).allocate(8));
    }
    Watched object = new Watched();
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      CompletableFuture<Void> call =
          CompletableFuture.runAsync(
              () -> {
                segments.forEach(BorrowedMemory::hold);
                try {
                  library.enterHolding(object.address());
                } finally {
                  segments.forEach(BorrowedMemory::release);
                }
              },
              threads);
      object.awaitEntered();
      try {
        for (Arena arena : arenas) {
          assertThrows(IllegalStateException.class, arena::close);
          assertTrue(arena.scope().isAlive());
        }
      } finally {
        object.leave();
        call.join();
      }
      for (Arena arena : arenas) {
        arena.close();
      }
    }
  }

  @Test
  void aCallAfterTheCloseIsRefused() {
    Arena arena = Arena.ofShared();
    MemorySegment segment = arena.allocate(8);
    BorrowedMemory.hold(segment);
    arena.close();
    Watched object = new Watched();
    object.leave();
    assertThrows(IllegalStateException.class, () -> library.enterHolding(object.address()));
    assertFalse(object.entered());

    BorrowedMemory.release(segment);
    library.enterHolding(object.address());
    assertTrue(object.entered());
  }

  @Test
  void segmentsOfOneArenaAreHeldUntilTheLastIsReleased() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment whole = arena.allocate(16);
      for (int i = 0; i < 100; i++) {
        BorrowedMemory.hold(whole.asSlice(i % 16));
      }
      for (int i = 0; i < 100; i++) {
        BorrowedMemory.release(whole);
      }
      IllegalStateException refused =
          assertThrows(IllegalStateException.class, () -> BorrowedMemory.release(whole));
      assertEquals("memory is released that this thread does not hold", refused.getMessage());
    }
  }

  @Test
  void anArenaTooManyIsRefused() {
    List<MemorySegment> held = new ArrayList<>();
    for (int i = 0; i < BorrowedMemory.PLACES; i++) {
      held.add(Arena.ofAuto().allocate(8));
      BorrowedMemory.hold(held.get(i));
    }
    MemorySegment another = Arena.ofAuto().allocate(8);
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> BorrowedMemory.hold(another));
    assertTrue(refused.getMessage().contains("more than 64 arenas"), refused.getMessage());
    BorrowedMemory.release(held.remove(3));
    BorrowedMemory.hold(another);
    held.add(another);
    held.forEach(BorrowedMemory::release);
  }
}
