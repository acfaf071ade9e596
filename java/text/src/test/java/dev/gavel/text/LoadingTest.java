package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LoadingTest {
  @Test
  void loadsOnceOnAThreadOfItsOwnForAllWhoAsk() {
    AtomicInteger times = new AtomicInteger();
    Loading<Thread> loading =
        Loading.begin(
            "loading-test",
            0,
            () -> {
              times.incrementAndGet();
              return Thread.currentThread();
            });
    assertNotEquals(Thread.currentThread(), loading.await());
    assertEquals("loading-test", loading.await().getName());
    assertEquals(1, times.get());
  }

  @Test
  void throwsWhatLoadingThrewToAllWhoAsk() {
    List<Throwable> failures =
        List.of(new IllegalStateException("broken"), new UnsatisfiedLinkError("no such library"));
    for (Throwable failure : failures) {
      Loading<String> loading =
          Loading.begin(
              "loading-test",
              0,
              () -> {
                if (failure instanceof Error error) {
                  throw error;
                }
                throw (RuntimeException) failure;
              });
      assertSame(failure, assertThrows(failure.getClass(), loading::await));
      assertSame(failure, assertThrows(failure.getClass(), loading::await));
      loading.whenLoaded(_ -> {
        throw new AssertionError("nothing was loaded");
      });
    }
  }

  @Test
  void whatNobodyTookIsClosedWhenItIsThere() throws InterruptedException {
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch used = new CountDownLatch(2);
    Set<String> closed = ConcurrentHashMap.newKeySet();
    Loading<String> loading =
        Loading.begin(
            "loading-test",
            0,
            () -> {
              try {
                go.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return "backbone";
            });
    loading.whenLoaded(value -> {
      closed.add("early " + value);
      used.countDown();
    });
    assertTrue(closed.isEmpty(), "it does not wait");
    go.countDown();
    loading.await();
    loading.whenLoaded(value -> {
      closed.add("late " + value);
      used.countDown();
    });
    used.await();
    assertEquals(Set.of("early backbone", "late backbone"), closed);
  }
}
