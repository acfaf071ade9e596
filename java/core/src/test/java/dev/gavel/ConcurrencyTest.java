package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
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
  private static final int ATTEMPTS = 20;

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
            threads.submit(() -> {
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
    RuntimeException refused = refusedDuringACall(Slow::score);
    assertInstanceOf(IllegalStateException.class, refused);
    assertTrue(refused.getMessage().contains("in use by another call"), refused.getMessage());
  }

  @Test
  void nothingACallUsesCanBeClosed() throws InterruptedException, ExecutionException {
    List<Consumer<Slow>> closings =
        List.of(
            slow -> slow.head.close(),
            slow -> slow.context.close(),
            slow -> slow.wrapped.close(),
            slow -> slow.batch.close(),
            slow -> slow.scores.close());
    for (Consumer<Slow> closing : closings) {
      RuntimeException refused = refusedDuringACall(closing);
      assertInstanceOf(IllegalStateException.class, refused);
      assertTrue(refused.getMessage().contains("cannot be closed"), refused.getMessage());
    }
    assertInstanceOf(
        IllegalStateException.class, refusedDuringACall(slow -> slow.batch.refill(slow.wrapped)));
  }

  /** The arena of wrapped hidden states is the caller's; a call holds it all the same. */
  @Test
  void anArenaACallReachesCannotBeClosed() throws InterruptedException, ExecutionException {
    RuntimeException refused = refusedDuringACall(slow -> slow.arena.close());
    assertInstanceOf(IllegalStateException.class, refused);
    try (Slow slow = new Slow()) {
      slow.arena.close();
      refused = assertThrows(IllegalStateException.class, slow::score);
      assertTrue(refused.getMessage().contains("whose arena is closed"), refused.getMessage());
    }
  }

  @Test
  void anOptimizerStepDoesNotWaitForAScore() throws InterruptedException, ExecutionException {
    RuntimeException refused =
        refusedDuringACall(slow -> {
          try (Optimizer optimizer = Optimizer.create(slow.head, AdamW.defaults());
              Gradients gradients = Gradients.zeros(slow.head.spec())) {
            optimizer.step(gradients);
          }
        });
    BusyException busy = assertInstanceOf(BusyException.class, refused);
    assertEquals("gavel_optimizer_step", busy.operation());
    assertEquals("GAVEL_BUSY", busy.statusName());
  }

  /**
   * What an attempt throws while a call runs, which must end unharmed. Where the attempt goes
   * through, the call may have ended before it was made, on a machine busy with other things, or
   * have been refused because it reached the native code after it: then it is made again during
   * another call.
   */
  private RuntimeException refusedDuringACall(Consumer<Slow> attempt)
      throws InterruptedException, ExecutionException {
    for (int i = 0; i < ATTEMPTS; i++) {
      try (Slow slow = new Slow()) {
        slow.score();
        float[] expected = slow.scores.toArray();
        Future<?> call = slow.begin(threads);
        try {
          attempt.accept(slow);
        } catch (RuntimeException refused) {
          call.get();
          assertArrayEquals(expected, slow.scores.toArray());
          return refused;
        }
        try {
          call.get();
        } catch (ExecutionException late) {
          assertInstanceOf(IllegalStateException.class, late.getCause());
        }
      }
    }
    throw new AssertionError("%d attempts during a call were not refused".formatted(ATTEMPTS));
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
            threads.submit(() -> {
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
    final Arena arena = Arena.ofShared();
    final HostTensor wrapped;
    final PackedBatch batch;

    Slow() {
      MemorySegment copy = arena.allocate(sample.hidden.segment().byteSize(), 64);
      copy.copyFrom(sample.hidden.segment());
      wrapped = HostTensor.wrap(DType.F32, copy, sample.hidden.shape());
      batch = PackedBatch.joint(wrapped, Spans.of(sample.first, sample.last));
    }

    void score() {
      head.score(batch, sample.pooling, sample.readout, scores);
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
      batch.close();
      wrapped.close();
      if (arena.scope().isAlive()) {
        arena.close();
      }
      sample.close();
    }
  }
}
