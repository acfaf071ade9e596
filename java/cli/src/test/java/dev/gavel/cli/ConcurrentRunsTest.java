package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on one machine at the same time. */
class ConcurrentRunsTest {
  private static final int ROWS = 3000;

  @TempDir private Path folder;

  private Path input() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      text.append(
          "{\"prompt\":\"say %d\",\"responses\":[\"%s\",\"no\"]}\n"
              .formatted(i, "word ".repeat(i % 11 + 1)));
    }
    return Files.writeString(folder.resolve("in.jsonl"), text);
  }

  private static List<String> command(String name, Path model, Path input, Path output) {
    return List.of(
        name,
        "--model",
        model + "",
        "--input",
        input + "",
        "--output",
        output + "",
        "--threads",
        "1");
  }

  // How long a line may be, which the index of a cache tells, depends on the heap.
  private Process start(String said, List<String> command, String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("-Xmx256m"));
    all.addAll(List.of(options));
    return GavelProcess.start(all, command, folder.resolve(said));
  }

  private void done(Process process) throws Exception {
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "does not end");
    assertEquals(ExitCode.DONE, process.exitValue(), Files.readString(folder.resolve("err")));
  }

  @Test
  void runsBesideEachOtherWriteWhatTheyWriteAlone() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path input = input();
    Path cache = folder.resolve("in.cache");
    Path alone = folder.resolve("alone.jsonl");
    done(start("err", command("cache", model, input, cache)));
    done(start("err", command("score", model, input, alone)));
    // All unpack the native library, which is not there yet, and write to the same folder.
    Path natives = folder.resolve("natives");
    Path out = Files.createDirectory(folder.resolve("out"));
    List<List<String>> commands =
        List.of(
            command("score", model, cache, out.resolve("cached.jsonl")),
            command("score", model, cache, out.resolve("cached-2.jsonl")),
            command("score", model, input, out.resolve("text.jsonl")),
            command("cache", model, input, out.resolve("again.cache")));
    List<Process> processes = new ArrayList<>();
    for (List<String> command : commands) {
      processes.add(start("err", command, "-Dgavel.native.cache=" + natives));
    }
    for (Process process : processes) {
      done(process);
    }
    for (String name : List.of("cached.jsonl", "cached-2.jsonl", "text.jsonl")) {
      assertArrayEquals(Files.readAllBytes(alone), Files.readAllBytes(out.resolve(name)), name);
    }
    try (Stream<Path> files = Files.list(cache)) {
      for (Path file : files.filter(file -> !file.endsWith("cache.run")).toList()) {
        assertArrayEquals(
            Files.readAllBytes(file),
            Files.readAllBytes(out.resolve("again.cache").resolve(file.getFileName())),
            file.toString());
      }
    }
    try (Stream<Path> left = Files.list(out)) {
      assertTrue(left.noneMatch(file -> file.toString().endsWith(".partial")), "files are left");
    }
  }

  @Test
  void aSecondRunToTheSameCacheIsRefusedAndTheFirstGoesOn() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path cache = folder.resolve("cache");
    Process first = start("err", command("cache", model, Path.of("-"), cache));
    try (OutputStream in = first.getOutputStream()) {
      in.write("{\"prompt\":\"p\",\"responses\":[\"a\"]}\n".getBytes(StandardCharsets.UTF_8));
      in.flush();
      Path journal = cache.resolve("cache.run");
      for (long i = 0; !(Files.exists(journal) && Files.size(journal) > 0); i++) {
        assertTrue(!first.waitFor(50, TimeUnit.MILLISECONDS), "the first run ended");
        assertTrue(i < 1200, "the first run does not begin");
      }
      for (String option : List.of("--force", "--resume")) {
        List<String> second = new ArrayList<>(command("cache", model, input(), cache));
        second.add(option);
        Run refused = Run.of(second.toArray(String[]::new));
        assertEquals(ExitCode.USAGE, refused.exitCode(), refused.err());
        assertTrue(refused.err().contains("another run"), refused.err());
      }
    }
    done(first);
    assertTrue(Files.exists(cache.resolve("cache.json")));
  }
}
