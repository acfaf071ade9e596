package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.text.fork.ExitWhileScoring;
import dev.gavel.text.fork.ScoreOnce;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What ONNX Runtime does to a process that uses it, and when that ends. */
@Timeout(120)
class OnnxProcessTest {
  @TempDir private Path folder;

  /**
   * ONNX Runtime's exit hook and C++'s own end take away what running calls use: the process would
   * end with a signal.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 20})
  void aJvmEndsWhileThreadsScore(int milliseconds) throws IOException, InterruptedException {
    Result result = run(ExitWhileScoring.class, Integer.toString(milliseconds));
    assertEquals(ExitWhileScoring.STATUS, result.status(), result.printed());
    List<String> lines =
        result
            .printed()
            .lines()
            // The logging facade that the tokenizer library brings has nothing to log to.
            .filter(line -> !line.startsWith("SLF4J"))
            .toList();
    assertEquals(Collections.nCopies(2, "the JVM is ending: no backbone runs any more"), lines);
  }

  /**
   * ONNX Runtime would report to its makers, and leaves files where it does: an identifier and a
   * store in the user's cache folder, a log in the temporary one.
   */
  @Test
  void nothingIsReported() throws IOException, InterruptedException {
    Result result = run(ScoreOnce.class);
    assertEquals(0, result.status(), result.printed());
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> left = files.filter(Files::isRegularFile).toList();
      assertTrue(
          left.stream().noneMatch(file -> isReport(folder.relativize(file))), left.toString());
    }
  }

  /** By itself it unpacks 28 MB at every start, which stay where the process is killed. */
  @Test
  void processesShareItsNativeCodeAndLeaveNone() throws IOException, InterruptedException {
    Path temporary = Files.createDirectory(folder.resolve("temporary"));
    List<String> options =
        List.of("-Djava.io.tmpdir=" + temporary, "-Dgavel.native.cache=" + folder.resolve("cache"));
    Result first = run(options, ScoreOnce.class, "halt");
    assertEquals(0, first.status(), first.printed());
    Result second = run(options, ScoreOnce.class, "halt");
    assertEquals(first, second);
    try (Stream<Path> files = Files.walk(temporary)) {
      assertEquals(List.of(), files.filter(Files::isRegularFile).toList());
    }
    try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
      assertEquals(1, files.filter(file -> file.endsWith("libonnxruntime.so")).count());
    }
  }

  /** What the user says of ONNX Runtime's own options holds. */
  @Test
  void nativeCodeInAnotherPlaceIsTakenFromThere() throws IOException, InterruptedException {
    Path nowhere = folder.resolve("nowhere");
    Result result = run(List.of("-Donnxruntime.native.path=" + nowhere), ScoreOnce.class);
    assertEquals(1, result.status(), result.printed());
    assertTrue(result.printed().contains("not found at " + nowhere), result.printed());
  }

  private static boolean isReport(Path file) {
    String name = file.toString();
    return name.contains("mat-debug") || name.contains("Microsoft") || name.endsWith(".db");
  }

  private Result run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    return run(List.of(), main, arguments);
  }

  private Result run(List<String> options, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + folder.resolve("crash"),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"));
    command.addAll(options);
    command.add(main.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("TMPDIR", folder.toString());
    builder.environment().remove("XDG_CACHE_HOME");
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), printed.strip());
  }

  private record Result(int status, String printed) {}
}
