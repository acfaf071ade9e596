package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchCommandTest {
  private static JsonNode json(String... more) {
    String[] command = new String[more.length + 2];
    System.arraycopy(new String[] {"bench", "--json"}, 0, command, 0, 2);
    System.arraycopy(more, 0, command, 2, more.length);
    Run run = Run.of(command);
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    return run.json().getFirst();
  }

  @Test
  void measuresEveryShapeUnderEveryNumberOfCallers() {
    JsonNode all =
        json(
            "--width=64",
            "--hidden=32",
            "--dtype=f32",
            "--responses=1,3",
            "--callers=1,4",
            "--threads=1",
            "--seconds=1.5");
    assertEquals(64, all.get("width").asInt());
    assertEquals(32, all.get("hidden").get(0).asInt());
    assertEquals(1, all.get("machine").get("threads").asInt());
    assertEquals(4, all.get("rows").size());
    int[][] cases = {{1, 1}, {3, 1}, {1, 4}, {3, 4}};
    for (int i = 0; i < cases.length; i++) {
      JsonNode row = all.get("rows").get(i);
      assertEquals(cases[i][0], row.get("responses").asInt());
      assertEquals(cases[i][1], row.get("callers").asInt());
      // Each caller makes one call at least.
      assertTrue(row.get("calls").asInt() >= cases[i][1], row.toString());
      assertTrue(row.get("p50_us").asDouble() > 0, row.toString());
      if (!row.get("p99_us").isNull()) {
        assertTrue(row.get("p50_us").asDouble() <= row.get("p99_us").asDouble(), row.toString());
      }
      assertTrue(row.get("responses_per_second").asDouble() > 0, row.toString());
      assertEquals(
          row.get("p50_us").asDouble() / row.get("floor_us").asDouble(),
          row.get("times_floor").asDouble(),
          1e-9);
    }
  }

  @Test
  void ceilingsAreMeasuredBySizeOfTheWorkingSet() {
    JsonNode ceilings =
        json("--width=8", "--responses=1", "--callers=1", "--seconds=1.5").get("ceilings");
    long before = 0;
    for (JsonNode read : ceilings.get("reads")) {
      assertTrue(read.get("bytes").asLong() > before, ceilings.toString());
      assertTrue(read.get("bytes_per_second").asDouble() > 0, ceilings.toString());
      before = read.get("bytes").asLong();
    }
    assertTrue(ceilings.get("product_operations_per_second").asDouble() > 0, ceilings.toString());
    assertTrue(ceilings.get("peak_operations_per_second").asDouble() > 0, ceilings.toString());
    assertTrue(ceilings.get("launch_us").isNull(), ceilings.toString());
  }

  @Test
  void measuresTheHeadOfAModelAndPrintsATable() {
    Run run = Run.of("bench", "--model=default", "--responses=2", "--callers=1", "--seconds=1.5");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(0).startsWith("head of gavel-default: H = 384"), run.out());
    assertTrue(lines.get(1).startsWith("reads of 32 KiB "), run.out());
    assertTrue(lines.stream().anyMatch(line -> line.matches(" +2 +1 +\\d+ .*")), run.out());
  }

  @Test
  void wrongOptionsAreRefused() {
    for (List<String> wrong :
        List.of(
            List.of("--model=default", "--width=8"),
            List.of("--dtype=f64"),
            List.of("--responses=0"),
            List.of("--callers=257"),
            List.of("--seconds=0"),
            List.of("--seconds=NaN"),
            List.of("--threads=0"),
            List.of("--device=gpu"),
            List.of("--pattern=qwen_yes_no"),
            List.of("--cache=x", "--device=cuda"),
            List.of("--width=0"))) {
      String[] command = new String[wrong.size() + 1];
      command[0] = "bench";
      for (int i = 0; i < wrong.size(); i++) {
        command[i + 1] = wrong.get(i);
      }
      Run run = Run.of(command);
      assertEquals(ExitCode.USAGE, run.exitCode(), wrong + ": " + run.err());
      assertEquals("", run.out(), wrong.toString());
    }
  }
}
