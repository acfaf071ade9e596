package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.RewardHead;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * What this machine does at best, as far as it can be measured from Java.
 *
 * @param bytesPerSecond read by all threads together, by the bytes of the working set, which the
 *     threads share out among them
 * @param operationsPerSecond of the library's own product where nothing but arithmetic counts: H =
 *     I = 512, R = 256. Not the processor's peak, which Java cannot reach to measure it
 */
public record Ceilings(SortedMap<Long, Double> bytesPerSecond, double operationsPerSecond) {
  private static final List<Long> WORKING_SETS =
      List.of(32L << 10, 512L << 10, 4L << 20, 16L << 20, 64L << 20, 256L << 20);
  private static final int WIDTH = 512;
  private static final int ROWS = 256;

  /** Measures them. */
  public static Ceilings measure(Context context, DType dtype, double seconds) {
    double share = seconds / (WORKING_SETS.size() + 1);
    int threads = context.info().threads();
    SortedMap<Long, Double> rates = new TreeMap<>();
    for (long bytes : WORKING_SETS) {
      rates.put(bytes, readRate(bytes, threads, share));
    }
    return new Ceilings(rates, productRate(context, dtype, share));
  }

  /** Bytes a second of the smallest measured working set that holds this many bytes. */
  public double bytesPerSecond(long bytes) {
    SortedMap<Long, Double> larger = bytesPerSecond.tailMap(bytes);
    return larger.isEmpty()
        ? bytesPerSecond.lastEntry().getValue()
        : larger.firstEntry().getValue();
  }

  /**
   * The least time a forward pass can take here, in microseconds: the larger of reading parameters
   * and vectors once, and the arithmetic at the rate above.
   */
  public double floorMicros(HeadSpec spec, int responses) {
    double operations = 0;
    long parameters = 0;
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      long values = parameter.shape().stream().reduce(1L, (a, b) -> a * b);
      parameters += values;
      if (parameter.shape().size() == 2) {
        operations += 2.0 * values * responses;
      }
    }
    long bytes = (parameters + (long) responses * spec.inputWidth()) * spec.dtype().bytes();
    return 1e6 * Math.max(bytes / bytesPerSecond(bytes), operations / operationsPerSecond);
  }

  private static double productRate(Context context, DType dtype, double seconds) {
    HeadSpec spec = HeadSpec.mlp(WIDTH, WIDTH).dtype(dtype).build();
    try (RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1))) {
      HeadLoad.Result result = HeadLoad.run(head, ROWS, 1, seconds);
      double micros = result.latencies().percentile(0.5).orElseThrow();
      return 2.0 * ROWS * WIDTH * (WIDTH + 1) / (micros / 1e6);
    }
  }

  /** Bytes a second that threads together read of a working set of this size. */
  public static double readRate(long bytes, int threads, double seconds) {
    List<Callable<Double>> readers =
        IntStream.range(0, threads)
            .<Callable<Double>>mapToObj(_ -> () -> read(bytes / threads, seconds))
            .toList();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      double rate = 0;
      for (Future<Double> reader : pool.invokeAll(readers)) {
        rate += reader.get();
      }
      return rate;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("reading memory failed: " + e.getCause(), e);
    }
  }

  // The best of many passes: a pass that another process interrupted says nothing of the memory.
  // Comparing two equal arrays is what the virtual machine reads memory with fastest: a loop that
  // adds them up reached a fifth of it, less than our kernels read.
  private static double read(long bytes, double seconds) {
    long[] values = new long[(int) (bytes / 2 / Long.BYTES)];
    long[] same = values.clone();
    int passes = (int) Math.max(1, (4L << 20) / bytes);
    long end = System.nanoTime() + (long) (seconds * 1e9);
    double best = 0;
    boolean equal = true;
    do {
      long start = System.nanoTime();
      for (int pass = 0; pass < passes; pass++) {
        equal &= Arrays.equals(values, same);
      }
      double nanos = Math.max(1, System.nanoTime() - start);
      best = Math.max(best, 2.0 * passes * values.length * Long.BYTES / nanos * 1e9);
    } while (System.nanoTime() < end);
    if (!equal) {
      throw new IllegalStateException("memory was read wrongly");
    }
    return best;
  }

  /** The rates as text, for people. */
  public String describe() {
    StringBuilder text = new StringBuilder();
    for (Map.Entry<Long, Double> rate : bytesPerSecond.entrySet()) {
      text.append(
          "%s %s %.0f GB/s"
              .formatted(
                  text.isEmpty() ? "reads of" : ",", bytes(rate.getKey()), rate.getValue() / 1e9));
    }
    return text
        + "\nbest product of this library (H = I = %d, R = %d): %.0f GFLOP/s"
            .formatted(WIDTH, ROWS, operationsPerSecond / 1e9);
  }

  private static String bytes(long bytes) {
    return bytes < 1 << 20 ? (bytes >> 10) + " KiB" : (bytes >> 20) + " MiB";
  }
}
