package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Many threads at once, and closing while they work. */
@ExtendWith(NoLeaks.class)
@Timeout(120)
class ConcurrencyTest {
  private static final int THREADS = 4;

  private ExecutorService threads;

  @BeforeEach
  void start() {
    threads = Executors.newFixedThreadPool(THREADS);
  }

  @AfterEach
  void stop() {
    threads.close();
  }

  @Test
  void manyThreadsScoreWithOneHead() throws InterruptedException, ExecutionException {
    HeadSpec spec = HeadSpec.mlp(100, 70).dtype(DType.BF16).build();
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 20, 1);
        Context context = Context.open(Context.Options.defaults().withThreads(2));
        RewardHead head = sample.head(context)) {
      float[] expected = head.score(sample.batch, sample.pooling, sample.readout);
      List<Future<Integer>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        running.add(
            threads.submit(
                () -> {
                  int calls = 0;
                  try (ScoreBatch scores = ScoreBatch.allocate(spec, 20)) {
                    for (; calls < 300; calls++) {
                      head.score(sample.batch, sample.pooling, sample.readout, scores);
                      assertArrayEquals(expected, scores.toArray());
                    }
                  }
                  return calls;
                }));
      }
      for (Future<Integer> one : running) {
        assertEquals(300, one.get());
      }
    }
  }

  /**
   * Two threads share one score batch by mistake: whoever comes second is told, nothing is mixed.
   */
  @Test
  void aScoreBatchServesOneCallAtATime() throws InterruptedException, ExecutionException {
    try (Slow slow = new Slow()) {
      Future<?> call = slow.begin(threads);
      IllegalStateException refused = assertThrows(IllegalStateException.class, slow::score);
      assertTrue(refused.getMessage().contains("in use by another call"), refused.getMessage());
      call.get();
      slow.score();
    }
  }

  @Test
  void nothingACallUsesCanBeClosed() throws InterruptedException, ExecutionException {
    try (Slow slow = new Slow()) {
      slow.score();
      float[] expected = slow.scores.toArray();
      Future<?> call = slow.begin(threads);
      for (AutoCloseable used :
          List.of(slow.head, slow.context, slow.sample.hidden, slow.sample.batch, slow.scores)) {
        IllegalStateException refused = assertThrows(IllegalStateException.class, used::close);
        assertTrue(refused.getMessage().contains("cannot be closed"), refused.getMessage());
      }
      assertThrows(IllegalStateException.class, () -> slow.sample.batch.refill(slow.sample.hidden));
      assertFalse(call.isDone(), "the call must last until everything was tried");
      call.get();
      slow.score();
      assertArrayEquals(expected, slow.scores.toArray());
    }
  }

  @Test
  void anOptimizerStepDoesNotWaitForAScore() throws InterruptedException, ExecutionException {
    try (Slow slow = new Slow();
        Optimizer optimizer = Optimizer.create(slow.head, AdamW.defaults());
        Gradients gradients = Gradients.zeros(slow.head.spec())) {
      Future<?> call = slow.begin(threads);
      BusyException refused = assertThrows(BusyException.class, () -> optimizer.step(gradients));
      assertEquals("gavel_optimizer_step", refused.operation());
      assertEquals("GAVEL_BUSY", refused.statusName());
      assertFalse(call.isDone(), "the call must last until the step was tried");
      call.get();
      optimizer.step(gradients);
      assertEquals(1, optimizer.stepCount());
    }
  }

  /** Closing at any moment ends in a finished call or in an exception that says so. */
  @Test
  void closingAtAnyMomentIsSafe() throws InterruptedException, ExecutionException {
    HeadSpec spec = HeadSpec.mlp(64, 64).build();
    AtomicInteger ended = new AtomicInteger();
    for (int round = 0; round < 40; round++) {
      HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 8, round);
      Context context = Context.open(Context.Options.defaults().withThreads(1));
      RewardHead head = sample.head(context);
      CountDownLatch started = new CountDownLatch(THREADS - 1);
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < THREADS - 1; t++) {
        running.add(
            threads.submit(
                () -> {
                  try (ScoreBatch scores = ScoreBatch.allocate(spec, 8)) {
                    started.countDown();
                    for (int call = 0; call < 100; call++) {
                      head.score(sample.batch, sample.pooling, sample.readout, scores);
                    }
                    ended.incrementAndGet();
                  } catch (IllegalStateException closed) {
                    ended.incrementAndGet();
                  }
                }));
      }
      started.await();
      List<AutoCloseable> all = List.of(sample.hidden, head, context);
      closeUntilClosed(all.get(round % all.size()));
      for (Future<?> one : running) {
        one.get();
      }
      closeUntilClosed(context);
      closeUntilClosed(head);
      sample.close();
    }
    assertEquals(40 * (THREADS - 1), ended.get());
  }

  private static void closeUntilClosed(AutoCloseable one) {
    while (true) {
      try {
        one.close();
        return;
      } catch (IllegalStateException inUse) {
        Thread.onSpinWait();
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
  }

  /** A call that lasts long enough to be met: the scalar kernels on a wide head. */
  private static final class Slow implements AutoCloseable {
    private static final HeadSpec SPEC = HeadSpec.mlp(1024, 1024).build();

    final HeadSample sample = new HeadSample(SPEC, Pooling.index(), Readout.identity(), 256, 1);
    final Context context =
        Context.open(
            Context.Options.defaults().withThreads(1).withInstructionSet(InstructionSet.SCALAR));
    final RewardHead head = sample.head(context);
    final ScoreBatch scores = ScoreBatch.allocate(SPEC, 256);

    void score() {
      head.score(sample.batch, sample.pooling, sample.readout, scores);
    }

    /** Starts a call and returns once it runs: it takes the scores of the last one away first. */
    Future<?> begin(ExecutorService on) {
      score();
      Future<?> call = on.submit(this::score);
      boolean running = false;
      while (!running) {
        try {
          scores.score(0);
          Thread.onSpinWait();
        } catch (IllegalStateException taken) {
          running = true;
        }
      }
      return call;
    }

    @Override
    public void close() {
      scores.close();
      head.close();
      context.close();
      sample.close();
    }
  }
}
