package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory does not grow with the input. */
class FlatMemoryTest {
  // Rows that fill the heap with garbage a few times, so that its size has settled.
  // -Dgavel.rows=1000000, of the larger input, takes some minutes.
  private static final int ROWS = Integer.getInteger("gavel.rows", 160_000) / 20;

  @TempDir private Path folder;

  @Test
  void twentyTimesTheRowsTakeTheSameMemory() throws Exception {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/status")),
        "skipped: this system does not tell the peak of a process's memory (/proc/self/status)");
    Path model = TinyModel.write(folder.resolve("model"));
    JsonNode once = score(model, ROWS);
    JsonNode often = score(model, 20 * ROWS);
    assertEquals(20 * ROWS, often.get("rows").asInt());
    long first = once.get("peak_memory_bytes").asLong();
    long last = often.get("peak_memory_bytes").asLong();
    System.out.printf("peak memory: %,d bytes, and %,d for 20 times the rows%n", first, last);
    assertTrue(last < first * 1.1, "%d, then %d bytes".formatted(first, last));
  }

  private JsonNode score(Path model, int rows) throws Exception {
    Path input = input(rows);
    Path metrics = folder.resolve("metrics-" + rows);
    Process process =
        GavelProcess.start(
            // A heap that is small and all there from the start: what it grows to by itself says
            // nothing. Nor does the code that the second compiler adds in a run of a minute.
            List.of("-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1"),
            List.of(
                "score",
                "--model",
                model.toString(),
                "--input",
                input.toString(),
                "--output",
                folder.resolve("out-" + rows).toString(),
                "--metrics",
                metrics.toString(),
                "--threads",
                "1"),
            folder.resolve("err"));
    assertTrue(process.waitFor(3000, TimeUnit.SECONDS), "does not end");
    assertEquals(ExitCode.DONE, process.exitValue(), Files.readString(folder.resolve("err")));
    return Run.parse(Files.readString(metrics));
  }

  private Path input(int rows) throws IOException {
    Path input = folder.resolve("in-%d.jsonl".formatted(rows));
    try (BufferedWriter out = Files.newBufferedWriter(input)) {
      for (int i = 0; i < rows; i++) {
        out.write(
            "{\"prompt\":\"%s\",\"responses\":[\"%s\",\"b\"]}\n"
                .formatted("why ".repeat(i % 5 + 1), "so ".repeat(i % 9 + 1)));
      }
    }
    return input;
  }
}
