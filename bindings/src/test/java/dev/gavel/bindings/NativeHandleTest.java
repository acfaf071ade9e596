package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.SpinLibrary.Watched;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class NativeHandleTest {
  @TempDir static Path folder;

  private static SpinLibrary library;

  private long liveBefore;

  @BeforeAll
  static void compile() throws IOException {
    library = new SpinLibrary(folder);
  }

  @BeforeEach
  void count() {
    liveBefore = NativeHandle.liveCount();
  }

  @AfterEach
  void everythingIsDestroyed() {
    assertEquals(liveBefore, NativeHandle.liveCount(), "native objects left behind");
  }

  @Test
  void closeDestroysOnce() {
    Watched watched = new Watched();
    NativeHandle handle = open(watched);
    assertEquals(watched.address().address(), handle.address().address());
    assertEquals(liveBefore + 1, NativeHandle.liveCount());
    assertTrue(handle.isOpen());

    handle.close();
    handle.close();

    assertEquals(1, watched.destroyed());
    assertFalse(handle.isOpen());
    assertTrue(handle.toString().endsWith("(closed)"), handle.toString());
  }

  @Test
  void useAfterCloseNamesTheObject() {
    NativeHandle handle = open(new Watched());
    handle.close();
    IllegalStateException e = assertThrows(IllegalStateException.class, handle::address);
    assertEquals(handle.name() + " is closed", e.getMessage());
    assertTrue(handle.name().matches("reward head #[0-9]+"), handle.name());
  }

  @Test
  void addressTakenBeforeCloseIsRefusedByTheCall() {
    NativeHandle handle = open(new Watched());
    MemorySegment address = handle.address();
    handle.close();
    assertThrows(IllegalStateException.class, () -> library.enter(address));
  }

  @Test
  void closeDuringACallIsRefusedAndCanBeRepeated() {
    Watched watched = new Watched();
    NativeHandle handle = open(watched);
    MemorySegment address = handle.address();
    CompletableFuture<Void> call = CompletableFuture.runAsync(() -> library.enter(address));
    watched.awaitEntered();

    IllegalStateException e = assertThrows(IllegalStateException.class, handle::close);
    boolean openStill = handle.isOpen();
    int destroyedDuringCall = watched.destroyed();
    watched.leave();
    call.join();

    assertTrue(
        e.getMessage().startsWith(handle.name() + " cannot be closed while a native call uses it"),
        e.getMessage());
    assertTrue(openStill);
    assertEquals(0, destroyedDuringCall);
    handle.close();
    assertEquals(1, watched.destroyed());
  }

  @Test
  void manyThreadsCloseAtOnce() throws Exception {
    for (int round = 0; round < 100; round++) {
      Watched watched = new Watched();
      NativeHandle handle = open(watched);
      try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
        for (var closed :
            threads.invokeAll(Collections.nCopies(8, Executors.callable(handle::close)))) {
          closed.get();
        }
      }
      assertEquals(1, watched.destroyed());
    }
  }

  @Test
  void forgottenHandleIsDestroyedAndReported() throws InterruptedException {
    long leaksBefore = NativeHandle.leakCount();
    Watched watched = new Watched();
    try (LogCapture log = new LogCapture()) {
      String name = openAndForget(watched);
      String message = collectUntilLogged(log);
      assertTrue(message.startsWith("WARNING " + name + " was never closed"), message);
      assertTrue(message.contains("-Dgavel.leaks=trace tells where"), message);
    }
    assertEquals(1, watched.destroyed());
    assertEquals(leaksBefore + 1, NativeHandle.leakCount());
  }

  @Test
  void tracedLeakTellsWhereItCameFrom() throws InterruptedException {
    System.setProperty("gavel.leaks", "trace");
    try (LogCapture log = new LogCapture()) {
      openAndForget(new Watched());
      String message = collectUntilLogged(log);
      assertTrue(message.contains("NativeHandleTest.openAndForget"), message);
    } finally {
      System.clearProperty("gavel.leaks");
    }
  }

  @Test
  void closedHandleIsNoLeak() throws InterruptedException {
    long leaksBefore = NativeHandle.leakCount();
    try (LogCapture log = new LogCapture()) {
      open(new Watched()).close();
      String forgotten = openAndForget(new Watched()); // its report shows that the cleaner has run
      assertTrue(collectUntilLogged(log).contains(forgotten));
      assertEquals("", log.text());
    }
    assertEquals(leaksBefore + 1, NativeHandle.leakCount());
  }

  @Test
  void forgottenHandleInUseIsDestroyedAfterTheCall() throws InterruptedException {
    Watched watched = new Watched();
    Watched other = new Watched();
    try (LogCapture log = new LogCapture()) {
      CompletableFuture<Void> call = enterAndForget(watched);
      watched.awaitEntered();
      openAndForget(other);
      collectUntilLogged(log); // the cleaner has met both by now, and again in the next collection
      System.gc();
      int destroyedDuringCall = watched.destroyed();
      watched.leave();
      call.join();
      assertEquals(0, destroyedDuringCall);
      collectUntilLogged(log);
    }
    assertEquals(1, watched.destroyed());
  }

  @Test
  void unknownLeakSettingIsRefusedAndNothingIsLeftBehind() {
    Watched watched = new Watched();
    System.setProperty("gavel.leaks", "verbose");
    try {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> open(watched));
      assertEquals(
          "-Dgavel.leaks=verbose is unknown: use -Dgavel.leaks=trace, or leave it out",
          e.getMessage());
    } finally {
      System.clearProperty("gavel.leaks");
    }
    assertEquals(1, watched.destroyed());
  }

  private static NativeHandle open(Watched watched) {
    return NativeHandle.own("reward head", watched.address(), library.destroyer());
  }

  private static String openAndForget(Watched watched) {
    return open(watched).name();
  }

  private static CompletableFuture<Void> enterAndForget(Watched watched) {
    MemorySegment address = open(watched).address();
    return CompletableFuture.runAsync(() -> library.enter(address));
  }

  /**
   * Collects until the leak net reports something; unreachable objects are found soon, but not at
   * once.
   */
  private static String collectUntilLogged(LogCapture log) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < deadline) {
      System.gc();
      String message = log.await(20);
      if (!message.isEmpty()) {
        return message;
      }
    }
    throw new AssertionError("no leak was reported in 60 s");
  }
}
