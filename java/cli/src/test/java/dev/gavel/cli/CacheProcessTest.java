package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
    Process first = start(model, input, whole);
    assertTrue(first.waitFor(240, TimeUnit.SECONDS));
    assertEquals(ExitCode.DONE, first.exitValue(), Files.readString(folder.resolve("err")));
    int files = 0;
    while (Files.exists(file(whole, files))) {
      files++;
    }
    Random random = new Random(2026);
    int kills = 0;
    int wentOn = 0;
    for (int outputs = 0; kills < KILLS; outputs++) {
      Path output = folder.resolve("out" + outputs);
      boolean ended = false;
      while (!ended) {
        boolean unfinished = Files.exists(file(output, 0));
        Process process = start(model, input, output, "--resume");
        // When some file appears, or a little later: while the next is made or written.
        Path signal = file(output, random.nextInt(files));
        boolean kill = kills < KILLS;
        while (process.isAlive() && !(kill && Files.exists(signal))) {
          process.waitFor(1, TimeUnit.MILLISECONDS);
        }
        if (kill && !process.waitFor(random.nextInt(30), TimeUnit.MILLISECONDS)) {
          process.destroyForcibly().waitFor();
          kills++;
        } else {
          assertTrue(process.waitFor(240, TimeUnit.SECONDS));
          assertEquals(ExitCode.DONE, process.exitValue(), Files.readString(folder.resolve("err")));
          wentOn += unfinished ? 1 : 0;
          ended = true;
        }
      }
      for (int i = 0; i < files; i++) {
        assertArrayEquals(
            Files.readAllBytes(file(whole, i)), Files.readAllBytes(file(output, i)), "file " + i);
      }
      assertArrayEquals(
          Files.readAllBytes(whole.resolve("cache.json")),
          Files.readAllBytes(output.resolve("cache.json")));
    }
    System.out.printf("%d kills; %d runs went on with files of a killed one%n", kills, wentOn);
    assertTrue(wentOn > 0, "runs were not killed while they wrote");
  }

  private static Path file(Path cache, int number) {
    return cache.resolve("vectors-%05d.safetensors".formatted(number));
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
