package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches written by processes of their own: killed ones, and how much memory they take. */
class CacheProcessTest {
  // -Dgavel.kills=50 takes some minutes.
  private static final int KILLS = Integer.getInteger("gavel.kills", 6);
  private static final int KILLED_ROWS = 6000;
  private static final int MEASURED_ROWS = 3000;

  @TempDir private Path folder;

  private Process start(Path model, Path input, Path output, String... more) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // As FlatMemoryTest: a heap that is all there, and no code that comes late.
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xms96m", "-Xmx96m"));
    command.addAll(List.of("-XX:+AlwaysPreTouch", "--enable-native-access=ALL-UNNAMED", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), "dev.gavel.cli.Main", "cache"));
    command.addAll(List.of("--model", model.toString(), "--input", input.toString()));
    command.addAll(List.of("--output", output.toString(), "--threads", "1"));
    command.addAll(List.of("--window-rows", "64", "--file-rows", "500"));
    command.addAll(List.of(more));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectError(folder.resolve("err").toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("MALLOC_ARENA_MAX", "2");
    return builder.start();
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
    long begin = System.nanoTime();
    Process first = start(model, input, whole);
    while (!Files.exists(whole.resolve("cache.run")) && first.isAlive()) {
      assertFalse(first.waitFor(1, TimeUnit.MILLISECONDS));
    }
    long startMillis = (System.nanoTime() - begin) / 1_000_000;
    assertTrue(first.waitFor(120, TimeUnit.SECONDS));
    assertEquals(ExitCode.DONE, first.exitValue(), Files.readString(folder.resolve("err")));
    long workMillis = (System.nanoTime() - begin) / 1_000_000 - startMillis;
    Random random = new Random(2026);
    int kills = 0;
    int wentOn = 0;
    for (int outputs = 0; kills < KILLS; outputs++) {
      Path output = folder.resolve("out" + outputs);
      boolean ended = false;
      while (!ended) {
        boolean unfinished = Files.exists(output.resolve("vectors-00000.safetensors"));
        Process process = start(model, input, output, "--resume");
        long wait = kills < KILLS ? startMillis + random.nextLong(workMillis + 1) : 120_000;
        if (process.waitFor(wait, TimeUnit.MILLISECONDS)) {
          assertEquals(ExitCode.DONE, process.exitValue(), Files.readString(folder.resolve("err")));
          wentOn += unfinished ? 1 : 0;
          ended = true;
        } else {
          process.destroyForcibly().waitFor();
          kills++;
        }
      }
      for (int i = 0; i < KILLED_ROWS / 500; i++) {
        String name = "vectors-%05d.safetensors".formatted(i);
        if (Files.exists(whole.resolve(name))) {
          assertArrayEquals(
              Files.readAllBytes(whole.resolve(name)),
              Files.readAllBytes(output.resolve(name)),
              output + name);
        }
      }
      assertArrayEquals(
          Files.readAllBytes(whole.resolve("cache.json")),
          Files.readAllBytes(output.resolve("cache.json")));
    }
    System.out.printf("%d kills; %d runs went on with files of a killed one%n", kills, wentOn);
    assertTrue(wentOn > 0, "runs were not killed while they wrote");
  }

  @Test
  void twentyTimesTheRowsTakeTheSameMemory() throws Exception {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/status")),
        "skipped: this system does not tell the peak of a process's memory (/proc/PID/status)");
    Path model = TinyModel.write(folder.resolve("model"));
    long once = peak(model, MEASURED_ROWS);
    long often = peak(model, 20 * MEASURED_ROWS);
    System.out.printf("peak memory: %,d kB, and %,d for 20 times the rows%n", once, often);
    assertTrue(often < once * 1.1, "%d, then %d kB".formatted(once, often));
  }

  private long peak(Path model, int rows) throws Exception {
    Process process = start(model, input(rows), folder.resolve("cache-" + rows));
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
