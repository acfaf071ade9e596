package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.ExitCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command as a process of its own: what streams and exit codes a shell sees. */
class ProcessTest {
  private static final String ROW = "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"]}\n";

  @TempDir private Path folder;

  private ProcessBuilder command(List<String> options, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.gavel.cli.Main"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectError(folder.resolve("err").toFile())
        .redirectOutput(folder.resolve("out").toFile());
  }

  private String read(String name) throws IOException {
    return Files.readString(folder.resolve(name));
  }

  private static int end(Process process) throws InterruptedException {
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "does not end");
    return process.exitValue();
  }

  @Test
  void outputCarriesRowsAndNothingElse() throws Exception {
    Process process = command(List.of(), "score", "--input", "-").start();
    try (OutputStream in = process.getOutputStream()) {
      in.write((ROW + "{\n").getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(ExitCode.ROWS_FAILED, end(process), read("err"));
    assertEquals(2, Run.json(read("out")).size());
    List<String> said = read("err").lines().filter(line -> !line.startsWith("WARNING: ")).toList();
    assertEquals(1, said.size(), read("err"));
    assertTrue(said.get(0).startsWith("gavel: 2 rows, 1 failed"), read("err"));
  }

  @Test
  @Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void rowsComeOutWhileInputIsStillOpen() throws Exception {
    Process process =
        command(List.of(), "score", "--input", "-")
            .redirectOutput(ProcessBuilder.Redirect.PIPE)
            .start();
    try (OutputStream in = process.getOutputStream();
        BufferedReader out =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (int row = 1; row <= 3; row++) {
        in.write(ROW.getBytes(StandardCharsets.UTF_8));
        in.flush();
        // Waits until the time is up if the command waits for more rows.
        assertEquals(row, Run.parse(String.valueOf(out.readLine())).get("id").asInt());
      }
    }
    assertEquals(ExitCode.DONE, end(process), read("err"));
  }

  @Test
  void endsQuietlyWhereNobodyReads() throws Exception {
    Process process =
        command(List.of(), "score", "--input", "-")
            .redirectOutput(ProcessBuilder.Redirect.PIPE)
            .start();
    process.getInputStream().close();
    try (OutputStream in = process.getOutputStream()) {
      in.write(ROW.repeat(3).getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(ExitCode.READER_GONE, end(process), read("err"));
    assertEquals(
        List.of(), read("err").lines().filter(line -> !line.startsWith("WARNING: ")).toList());
  }

  @Test
  void withoutANativeLibraryItSaysSo() throws Exception {
    for (String name : List.of("doctor", "score")) {
      List<String> arguments = new ArrayList<>(List.of(name));
      if (name.equals("score")) {
        arguments.addAll(List.of("--input", Project.examples().toString()));
      }
      Process process =
          command(
                  List.of("-Dgavel.library.path=" + folder.resolve("nothing.so")),
                  arguments.toArray(String[]::new))
              .start();
      assertEquals(ExitCode.ENVIRONMENT, end(process), read("err"));
      assertTrue(read("err").contains("nothing.so"), read("err"));
      assertTrue(!read("err").contains("\tat "), read("err"));
    }
  }

  @Test
  void aCommandThatIsEndedLeavesNoOutputUnderItsName() throws Exception {
    Path output = folder.resolve("rows.jsonl");
    try (WatchService watch = folder.getFileSystem().newWatchService()) {
      folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
      Process process =
          command(List.of(), "score", "--input", "-", "--output", output.toString()).start();
      try (OutputStream in = process.getOutputStream()) {
        in.write(ROW.getBytes(StandardCharsets.UTF_8));
        in.flush();
        awaitPartial(watch);
        process.destroy();
        end(process);
      }
    }
    assertFalse(Files.exists(output), "half of an output must not pass for a whole one");
  }

  private void awaitPartial(WatchService watch) throws Exception {
    while (true) {
      WatchKey key = watch.poll(120, TimeUnit.SECONDS);
      assertTrue(key != null, "no file appears: " + read("err"));
      for (WatchEvent<?> event : key.pollEvents()) {
        if (String.valueOf(event.context()).endsWith(".partial")) {
          return;
        }
      }
      key.reset();
    }
  }
}
