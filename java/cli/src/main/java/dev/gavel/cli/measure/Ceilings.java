package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Device;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.RewardHead;
import dev.gavel.Stream;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the machine does at best.
 *
 * @param bytesPerSecond by the bytes of the working set. CPU: read by all threads together, which
 *     share the working set out among them; CUDA: read and written by copies on the device
 * @param peakOperationsPerSecond of the instructions that products are made of, over registers, on
 *     all threads or multiprocessors
 * @param productOperationsPerSecond of the library's own product where nothing but arithmetic
 *     counts: H = I = 512, R = 256
 * @param launchMicros CUDA: from asking for a kernel until it is known to be done; CPU: none
 */
public record Ceilings(
    SortedMap<Long, Double> bytesPerSecond,
    double peakOperationsPerSecond,
    double productOperationsPerSecond,
    OptionalDouble launchMicros) {
  private static final List<Long> WORKING_SETS =
      List.of(32L << 10, 512L << 10, 4L << 20, 16L << 20, 64L << 20, 256L << 20);
  private static final int WIDTH = 512;
  private static final int ROWS = 256;

  // Working sets, the peak, the product and the launch.
  private static final int MEASUREMENTS = WORKING_SETS.size() + 3;

  /** Measures them. */
  public static Ceilings measure(Context context, DType dtype, double seconds) {
    double share = seconds / MEASUREMENTS;
    return context.info().device() instanceof Device.Cuda
        ? onCuda(context, dtype, share)
        : onCpu(context, dtype, share);
  }

  private static Ceilings onCpu(Context context, DType dtype, double share) {
    SortedMap<Long, Double> rates = new TreeMap<>();
    for (long bytes : WORKING_SETS) {
      rates.put(bytes, MemoryReads.rate(bytes, context.info().threads(), share));
    }
    return new Ceilings(
        rates,
        ProductPeak.onCpu(context, dtype, share),
        productRate(context, dtype, share),
        OptionalDouble.empty());
  }

  private static Ceilings onCuda(Context context, DType dtype, double share) {
    try (Stream stream = Stream.open(context)) {
      SortedMap<Long, Double> rates = new TreeMap<>();
      for (long bytes : WORKING_SETS) {
        rates.put(bytes, DeviceCopies.rate(stream, bytes, share));
      }
      return new Ceilings(
          rates,
          ProductPeak.onCuda(stream, dtype, share),
          productRate(context, dtype, share),
          OptionalDouble.of(ProductPeak.launchMicros(stream, share)));
    }
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
   * and vectors once, and the arithmetic at its peak; on CUDA, behind a launch.
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
    return launchMicros.orElse(0)
        + 1e6 * Math.max(bytes / bytesPerSecond(bytes), operations / peakOperationsPerSecond);
  }

  private static double productRate(Context context, DType dtype, double seconds) {
    HeadSpec spec = HeadSpec.mlp(WIDTH, WIDTH).dtype(dtype).build();
    try (RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1))) {
      HeadLoad.Result result = HeadLoad.run(head, ROWS, 1, seconds);
      double micros = result.latencies().percentile(0.5).orElseThrow();
      return 2.0 * ROWS * WIDTH * (WIDTH + 1) / (micros / 1e6);
    }
  }

  /** The rates as text, for people. */
  public String describe() {
    StringBuilder text = new StringBuilder();
    for (Map.Entry<Long, Double> rate : bytesPerSecond.entrySet()) {
      text.append(
          "%s %s %.0f GB/s"
              .formatted(
                  text.isEmpty() ? memory() : ",", bytes(rate.getKey()), rate.getValue() / 1e9));
    }
    text.append(
        "\nproducts over registers: %.0f GFLOP/s; best product of this library (H = I = %d, R = %d): %.0f GFLOP/s"
            .formatted(
                peakOperationsPerSecond / 1e9, WIDTH, ROWS, productOperationsPerSecond / 1e9));
    launchMicros.ifPresent(micros ->
        text.append("\nlaunch of a kernel, and waiting for it: %.2f us".formatted(micros)));
    return text.toString();
  }

  private String memory() {
    return launchMicros.isPresent() ? "copies of" : "reads of";
  }

  private static String bytes(long bytes) {
    return bytes < 1 << 20 ? (bytes >> 10) + " KiB" : (bytes >> 20) + " MiB";
  }
}
