package dev.gavel.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code gavel bench --json} wrote, one head a line: percentiles, and how fast memory is read.
 */
final class MeasuredHeads {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final List<JsonNode> heads = new ArrayList<>();

  /** Empty where the folder has no gavel-bench.jsonl. */
  MeasuredHeads(Path folder) throws IOException {
    Path file = folder.resolve("gavel-bench.jsonl");
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        heads.add(JSON.readTree(line));
      }
    }
  }

  /** Rows of heads of a width with this many responses and callers, which have a p99.9. */
  List<JsonNode> tails(int width, int responses, int callers) {
    List<JsonNode> tails = new ArrayList<>();
    for (JsonNode head : heads) {
      for (JsonNode row : head.path("rows")) {
        if (head.path("width").asInt() == width
            && row.path("responses").asInt() == responses
            && row.path("callers").asInt() == callers
            && !row.path("p99_9_us").isNull()) {
          tails.add(row);
        }
      }
    }
    return tails;
  }

  /**
   * The least time in which this much is read, microseconds: at the best rate any line measured for
   * the smallest working set that holds it. Infinite where nothing was measured.
   */
  double readMicros(double bytes) {
    double best = 0;
    for (JsonNode head : heads) {
      double rate = 0;
      for (JsonNode read : head.path("ceilings").path("reads")) {
        // The reads are in rising order; what is larger than all of them is read as the largest.
        rate = read.path("bytes_per_second").asDouble();
        if (read.path("bytes").asDouble() >= bytes) {
          break;
        }
      }
      best = Math.max(best, rate);
    }
    return best > 0 ? bytes / best * 1e6 : Double.POSITIVE_INFINITY;
  }
}
