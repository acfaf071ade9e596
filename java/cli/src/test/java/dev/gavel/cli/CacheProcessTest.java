package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gavel.cli.program.ExitCode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches written by processes of their own: killed ones, and how much memory they take. */
class CacheProcessTest {
  // -Dgavel.kills=50 takes some minutes.
  private static final int KILLS = Integer.getInteger("gavel.kills", 6);
  private static final int KILLED_ROWS = 6000;
  private static final int SCORED_ROWS = 40_000;

  // -Dgavel.rows=1000000 takes some minutes.
  private static final int MEASURED_ROWS = Integer.getInteger("gavel.rows", 60_000);

  @TempDir private Path folder;

  private static List<String> arguments(
      String command, Path model, Path input, Path output, String... more) {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.addAll(List.of("--model", model.toString(), "--input", input.toString()));
    arguments.addAll(List.of("--output", output.toString(), "--threads", "1"));
    arguments.addAll(List.of(more));
    return arguments;
  }

  // A dozen files.
  private static List<String> small(Path model, Path input, Path output, String... more) {
    List<String> arguments = arguments("cache", model, input, output, more);
    arguments.addAll(List.of("--window-rows", "64", "--file-rows", "500"));
    return arguments;
  }

  private Process start(List<String> arguments) throws IOException {
    // As FlatMemoryTest: a heap that is all there, and no code that comes late.
    return GavelProcess.start(
        List.of("-XX:TieredStopAtLevel=1", "-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch"),
        arguments,
        folder.resolve("err"));
  }

  private Path input(int rows) throws IOException {
    Path input = folder.resolve("in-%d.jsonl".formatted(rows));
    try (BufferedWriter out = Files.newBufferedWriter(input)) {
      for (int i = 0; i < rows; i++) {
        out.write(
            "{\"prompt\":\"say %d\",\"responses\":[\"%s\",\"b\"]}\n"
                .formatted(i, "so ".repeat(i % 9 + 1)));
      }
    }
    return input;
  }

  @Test
  void aRunThatIsKilledAtAnyInstantEndsWithTheSameFiles() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path input = input(KILLED_ROWS);
    Path whole = folder.resolve("whole");
    Process first = start(small(model, input, whole));
    assertTrue(first.waitFor(240, TimeUnit.SECONDS));
    assertEquals(ExitCode.DONE, first.exitValue(), Files.readString(folder.resolve("err")));
    KilledRuns.run(
        new KilledRuns.Command() {
          @Override
          public Path output(int number) {
            return folder.resolve("out" + number);
          }

          @Override
          public Process start(Path output) throws IOException {
            return CacheProcessTest.this.start(small(model, input, output, "--resume"));
          }

          @Override
          public boolean hasBegun(Path output) {
            return Files.exists(file(output, 0));
          }

          @Override
          public boolean canGoOn(Path output) {
            return Files.exists(file(output, 0)) && !Files.exists(output.resolve("cache.json"));
          }

          @Override
          public void checkKilled(Path output) throws IOException {
            if (Files.exists(output.resolve("cache.json"))) {
              checkWhole(output);
            }
          }

          @Override
          public void checkWhole(Path output) throws IOException {
            for (String name : files(whole)) {
              assertArrayEquals(
                  Files.readAllBytes(whole.resolve(name)),
                  Files.readAllBytes(output.resolve(name)),
                  output + " " + name);
            }
            assertEquals(files(whole), files(output));
          }
        },
        KILLS,
        ExitCode.DONE,
        folder.resolve("err"));
  }

  // Without the record of the run, which tells how it went.
  private static List<String> files(Path cache) throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals("cache.run"))
          .sorted()
          .toList();
    }
  }

  @Test
  void scoringACacheThatIsKilledAtAnyInstantEndsWithTheSameFile() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path cache = folder.resolve("cache");
    Path input = input(SCORED_ROWS);
    Process caching = start(arguments("cache", model, input, cache));
    assertTrue(caching.waitFor(240, TimeUnit.SECONDS));
    Map<String, byte[]> expected = new HashMap<>();
    for (String ending : List.of(".jsonl", ".jsonl.gz")) {
      Path whole = folder.resolve("whole" + ending);
      Run run = Run.of(arguments("score", model, cache, whole).toArray(String[]::new));
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      expected.put(ending, Files.readAllBytes(whole));
    }
    KilledRuns.run(
        new KilledScores(
            folder,
            expected,
            output -> start(arguments("score", model, cache, output, "--resume"))),
        KILLS,
        ExitCode.DONE,
        folder.resolve("err"));
  }

  private static Path file(Path cache, int number) {
    return cache.resolve("vectors-%05d.safetensors".formatted(number));
  }

  @Test
  void twentyTimesTheRowsTakeTheSameMemory() throws Exception {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/status")),
        "skipped: this system does not tell the peak of a process's memory (/proc/PID/status)");
    // Wide enough that the files of a cache, if all stayed mapped, would count.
    Path model = TinyModel.write(folder.resolve("model"), 64);
    List<Path> inputs = List.of(input(MEASURED_ROWS / 20), input(MEASURED_ROWS));
    List<Path> caches = inputs.stream().map(input -> folder.resolve(input + ".cache")).toList();
    List<Path> outputs = inputs.stream().map(input -> folder.resolve(input + ".scored")).toList();
    requireFlat("cache", model, inputs, caches);
    requireFlat("score", model, caches, outputs);
    try (Stream<String> lines = Files.lines(outputs.getLast())) {
      assertEquals(MEASURED_ROWS, lines.count());
    }
  }

  private void requireFlat(String command, Path model, List<Path> inputs, List<Path> outputs)
      throws Exception {
    long once = peak(arguments(command, model, inputs.getFirst(), outputs.getFirst()));
    long start = System.nanoTime();
    long often = peak(arguments(command, model, inputs.getLast(), outputs.getLast()));
    System.out.printf(
        "%s: peak memory %,d kB, and %,d for 20 times the rows (%,d in %.1f s)%n",
        command, once, often, MEASURED_ROWS, (System.nanoTime() - start) / 1e9);
    assertTrue(often < once * 1.1, "%s: %d, then %d kB".formatted(command, once, often));
  }

  private long peak(List<String> arguments) throws Exception {
    Process process = start(arguments);
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    long peak = 0;
    while (!process.waitFor(5, TimeUnit.MILLISECONDS)) {
      peak = Math.max(peak, peak(status));
    }
    assertEquals(ExitCode.DONE, process.exitValue(), Files.readString(folder.resolve("err")));
    return peak;
  }

  // 0 where the process has just ended.
  private static long peak(Path status) {
    try {
      return Files.readAllLines(status, StandardCharsets.ISO_8859_1).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }
}
