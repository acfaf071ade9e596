package dev.gavel.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Context;
import dev.gavel.Device;
import dev.gavel.HeadSpec;
import dev.gavel.cli.measure.Ceilings;
import dev.gavel.cli.measure.HeadLoad;
import dev.gavel.message.Counted;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * What {@code gavel bench} prints.
 *
 * @param what the head, as it was named
 * @param spec its shape
 * @param machine where it ran
 * @param ceilings what the machine can do
 * @param rows what was measured
 */
record BenchReport(
    String what,
    HeadSpec spec,
    Context.Info machine,
    Ceilings ceilings,
    List<HeadLoad.Result> rows) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  BenchReport {
    rows = List.copyOf(rows);
  }

  /** One JSON object on one line. */
  String json() {
    ObjectNode all = JSON.createObjectNode();
    all.put("head", what);
    all.put("width", spec.inputWidth());
    ArrayNode hidden = all.putArray("hidden");
    spec.hiddenWidths().forEach(hidden::add);
    all.put("dtype", dtype());
    ObjectNode where = all.putObject("machine");
    where.put("device", machine.device().toString());
    where.put("processor", machine.deviceName());
    where.put("instruction_set", machine.instructionSet().toString());
    where.put("threads", machine.threads());
    where.put("java", System.getProperty("java.vm.version"));
    ObjectNode best = all.putObject("ceilings");
    ArrayNode reads = best.putArray("reads");
    ceilings
        .bytesPerSecond()
        .forEach(
            (bytes, rate) -> reads.addObject().put("bytes", bytes).put("bytes_per_second", rate));
    best.put("peak_operations_per_second", ceilings.peakOperationsPerSecond());
    best.put("product_operations_per_second", ceilings.productOperationsPerSecond());
    put(best, "launch_us", ceilings.launchMicros());
    ArrayNode list = all.putArray("rows");
    for (HeadLoad.Result row : rows) {
      ObjectNode to = list.addObject();
      to.put("responses", row.responses());
      to.put("callers", row.callers());
      to.put("calls", row.latencies().count());
      put(to, "p50_us", row.latencies().percentile(0.5));
      put(to, "p99_us", row.latencies().percentile(0.99));
      put(to, "p99_9_us", row.latencies().percentile(0.999));
      to.put("responses_per_second", row.responsesPerSecond());
      to.put("floor_us", floor(row));
      to.put("times_floor", row.latencies().percentile(0.5).orElseThrow() / floor(row));
    }
    return all + "\n";
  }

  /** Lines for people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        "%s: H = %d%s, %s, on %s (%s)\n"
            .formatted(
                what,
                spec.inputWidth(),
                spec.isLinear() ? "" : ", hidden " + spec.hiddenWidths(),
                dtype(),
                machine.deviceName(),
                machine.device() instanceof Device.Cuda cuda
                    ? cuda
                    : "%s, %s"
                        .formatted(
                            machine.instructionSet(), Counted.of(machine.threads(), "thread"))));
    text.append(ceilings.describe()).append("\n\n");
    String format = "%9s  %7s  %9s  %10s  %10s  %10s  %13s  %10s  %8s\n";
    text.append(
        format.formatted(
            "responses",
            "callers",
            "calls",
            "p50 us",
            "p99 us",
            "p99.9 us",
            "responses/s",
            "floor us",
            "p50/floor"));
    for (HeadLoad.Result row : rows) {
      double median = row.latencies().percentile(0.5).orElseThrow();
      text.append(
          format.formatted(
              row.responses(),
              row.callers(),
              row.latencies().count(),
              number(median),
              number(row.latencies().percentile(0.99)),
              number(row.latencies().percentile(0.999)),
              String.format(Locale.ROOT, "%.0f", row.responsesPerSecond()),
              number(floor(row)),
              number(median / floor(row))));
    }
    text.append(
        "floor: parameters and vectors read once at the rate above, or the arithmetic over registers,"
            + " whichever takes longer%s; of one call alone\n"
                .formatted(ceilings.launchMicros().isPresent() ? ", behind a launch" : ""));
    return text.toString();
  }

  private double floor(HeadLoad.Result row) {
    return ceilings.floorMicros(spec, row.responses());
  }

  private String dtype() {
    return spec.dtype().name().toLowerCase(Locale.ROOT);
  }

  private static String number(OptionalDouble value) {
    return value.isPresent() ? number(value.getAsDouble()) : "-";
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%.0f", value);
  }

  // Too few calls for this percentile: null, not a guess.
  private static void put(ObjectNode to, String name, OptionalDouble value) {
    if (value.isPresent()) {
      to.put(name, value.getAsDouble());
    } else {
      to.putNull(name);
    }
  }
}
