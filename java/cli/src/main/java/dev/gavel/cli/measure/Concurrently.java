package dev.gavel.cli.measure;

import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** One measurement by several threads at the same time. */
final class Concurrently {
  private Concurrently() {}

  /** The sum of what each of the threads measured. */
  static double sum(int threads, Callable<Double> measurement) {
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      double sum = 0;
      for (Future<Double> each : pool.invokeAll(Collections.nCopies(threads, measurement))) {
        sum += each.get();
      }
      return sum;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("measuring failed: " + e.getCause(), e);
    }
  }
}
