package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class UseGuardTest {
  private final UseGuard guard = new UseGuard("hidden states f32[2, 3]");

  @Test
  void closesOnce() {
    assertTrue(guard.isOpen());
    assertTrue(guard.close());
    assertFalse(guard.close());
    assertFalse(guard.isOpen());
  }

  @Test
  void useAfterCloseNamesTheMemory() {
    assertTrue(guard.close());
    IllegalStateException e = assertThrows(IllegalStateException.class, guard::acquire);
    assertEquals("hidden states f32[2, 3] is closed", e.getMessage());
  }

  @Test
  void closeDuringUseIsRefusedAndCanBeRepeated() {
    guard.acquire();
    guard.acquire();
    guard.release();
    IllegalStateException e = assertThrows(IllegalStateException.class, guard::close);
    assertTrue(e.getMessage().contains("[2, 3] cannot be closed while a native call uses it"));
    assertTrue(guard.isOpen());
    guard.release();
    assertTrue(guard.close());
  }

  @Test
  void releaseWithoutUseIsRefused() {
    assertThrows(IllegalStateException.class, guard::release);
    assertTrue(guard.close());
    assertThrows(IllegalStateException.class, guard::release);
  }

  @Test
  void exclusiveUseExcludesEverythingElse() {
    guard.acquireExclusively();
    IllegalStateException e = assertThrows(IllegalStateException.class, guard::acquire);
    assertEquals("hidden states f32[2, 3] is in use by another call", e.getMessage());
    assertThrows(IllegalStateException.class, guard::acquireExclusively);
    assertThrows(IllegalStateException.class, guard::release);
    assertThrows(IllegalStateException.class, guard::close);
    assertTrue(guard.isOpen());
    guard.releaseExclusively();
    assertThrows(IllegalStateException.class, guard::releaseExclusively);
    assertTrue(guard.close());
  }

  @Test
  void exclusiveUseNeedsAnUnusedOpenGuard() {
    guard.acquire();
    assertThrows(IllegalStateException.class, guard::acquireExclusively);
    assertThrows(IllegalStateException.class, guard::releaseExclusively);
    guard.release();
    assertTrue(guard.close());
    IllegalStateException e = assertThrows(IllegalStateException.class, guard::acquireExclusively);
    assertEquals("hidden states f32[2, 3] is closed", e.getMessage());
  }

  /** No thread is inside once a close succeeded, and exactly one close does. */
  @Test
  void nothingIsInUseAfterClose() throws Exception {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger closes = new AtomicInteger();
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int thread = 0; thread < 4; thread++) {
      tasks.add(() -> {
        while (guard.isOpen()) {
          try {
            guard.acquire();
          } catch (IllegalStateException closed) {
            return null;
          }
          inside.incrementAndGet();
          inside.decrementAndGet();
          guard.release();
        }
        return null;
      });
    }
    for (int thread = 0; thread < 2; thread++) {
      tasks.add(() -> {
        while (guard.isOpen()) {
          try {
            if (guard.close()) {
              assertEquals(0, inside.get());
              closes.incrementAndGet();
            }
          } catch (IllegalStateException inUse) {
            Thread.onSpinWait();
          }
        }
        return null;
      });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(tasks.size())) {
      for (Future<Void> done : threads.invokeAll(tasks)) {
        done.get();
      }
    }
    assertEquals(1, closes.get());
  }
}
