package dev.gavel.cli.measure;

import dev.gavel.RewardHead;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Callers that score with one head at once, each call timed. */
public final class HeadLoad {
  // 8 MB of times per caller; a caller that has filled them stops.
  private static final int MOST_CALLS = 1 << 20;

  // Callers wait for each other twice; one that failed never comes.
  private static final long LONGEST_WAIT_SECONDS = 60;

  private HeadLoad() {}

  /**
   * What came out.
   *
   * @param responses R of every call
   * @param callers threads that called
   * @param latencies of the calls
   * @param responsesPerSecond of all callers together
   */
  public record Result(
      int responses, int callers, Latencies latencies, double responsesPerSecond) {}

  /**
   * Runs it: a quarter of the time to warm up, the rest timed.
   *
   * @param head the head all share
   * @param responses R of every call
   * @param callers threads that call
   * @param seconds how long
   */
  public static Result run(RewardHead head, int responses, int callers, double seconds) {
    CyclicBarrier start = new CyclicBarrier(callers);
    List<Callable<Timed>> work = new ArrayList<>();
    for (int i = 0; i < callers; i++) {
      int seed = i;
      work.add(() -> call(head, responses, seed, seconds, start));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(callers)) {
      List<Timed> timed = new ArrayList<>();
      List<Future<Timed>> futures = threads.invokeAll(work);
      for (Future<Timed> future : futures) {
        // The caller that failed, before those that waited for it.
        if (future.state() == Future.State.FAILED
            && future.exceptionNow() instanceof RuntimeException cause) {
          throw cause;
        }
      }
      for (Future<Timed> future : futures) {
        timed.add(future.get());
      }
      double perSecond =
          timed.stream().mapToDouble(t -> responses * t.nanos().length / t.seconds()).sum();
      return new Result(
          responses,
          callers,
          Latencies.of(timed.stream().map(Timed::nanos).toArray(long[][]::new)),
          perSecond);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a caller failed: " + e.getCause(), e);
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // made here, read once
  private record Timed(long[] nanos, double seconds) {}

  private static Timed call(
      RewardHead head, int responses, int seed, double seconds, CyclicBarrier start)
      throws Exception {
    try (HeadCaller caller = HeadCaller.of(head, responses, seed)) {
      long[] nanos = new long[MOST_CALLS];
      start.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS);
      long begin = System.nanoTime();
      long timedFrom = begin + (long) (seconds * 0.25e9);
      long end = begin + (long) (seconds * 1e9);
      while (System.nanoTime() < timedFrom) {
        caller.call();
      }
      start.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS);
      long first = System.nanoTime();
      long now = first;
      int calls = 0;
      while (calls < MOST_CALLS && (calls == 0 || now < end)) {
        caller.call();
        long after = System.nanoTime();
        nanos[calls] = after - now;
        calls++;
        now = after;
      }
      return new Timed(Arrays.copyOf(nanos, calls), (now - first) / 1e9);
    }
  }
}
