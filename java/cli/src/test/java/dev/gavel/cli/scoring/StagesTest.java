package dev.gavel.cli.scoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StagesTest {
  @Test
  void aQueueKeepsOrderAndHoldsNoMoreThanItsCapacity() throws Exception {
    AtomicInteger put = new AtomicInteger();
    List<Integer> taken = new ArrayList<>();
    try (Stages stages = new Stages()) {
      Stages.Queue<Integer> queue = stages.new Queue<>(2);
      stages.start(
          "source",
          () -> {
            for (int i = 0; i < 1000; i++) {
              queue.put(i);
              put.incrementAndGet();
            }
            queue.end();
          });
      Optional<Integer> item = queue.take();
      while (item.isPresent()) {
        taken.add(item.get());
        assertTrue(put.get() <= taken.size() + 2, "no more than two wait");
        item = queue.take();
      }
    }
    assertEquals(1000, taken.size());
    assertEquals(taken.stream().sorted().toList(), taken);
  }

  @Test
  void theFirstFailureStopsWhoeverWaits() throws Exception {
    IllegalStateException failure = new IllegalStateException("first");
    CountDownLatch ended = new CountDownLatch(1);
    try (Stages stages = new Stages()) {
      Stages.Queue<Integer> full = stages.new Queue<>(1);
      Stages.Queue<Integer> empty = stages.new Queue<>(1);
      stages.start(
          "blocked",
          () -> {
            try {
              full.put(1);
              full.put(2);
            } finally {
              ended.countDown();
            }
          });
      stages.start(
          "failing",
          () -> {
            throw failure;
          });
      assertThrows(Stages.StoppedException.class, empty::take);
      assertTrue(ended.await(30, TimeUnit.SECONDS));
      assertSame(failure, stages.failure().orElseThrow());
    }
  }

  @Test
  void textUnderWayIsBounded() throws Exception {
    AtomicInteger under = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    try (Stages stages = new Stages()) {
      Stages.Queue<Integer> queue = stages.new Queue<>(100);
      Stages.Budget budget = stages.new Budget(10);
      stages.start(
          "source",
          () -> {
            for (int i = 0; i < 50; i++) {
              // Every tenth piece is larger than the whole budget, and goes alone.
              int share = i % 10 == 9 ? 25 : 3;
              budget.acquire(share);
              most.accumulateAndGet(under.addAndGet(share), Math::max);
              queue.put(share);
            }
            queue.end();
          });
      Optional<Integer> share = queue.take();
      while (share.isPresent()) {
        under.addAndGet(-share.get());
        budget.release(share.get());
        share = queue.take();
      }
    }
    assertEquals(25, most.get());
  }
}
