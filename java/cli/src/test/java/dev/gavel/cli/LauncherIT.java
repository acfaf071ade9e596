package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Version;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script with the program it was built with; runs after the program is packaged. */
class LauncherIT {
  @TempDir private Path folder;

  private final Map<String, String> environment = new HashMap<>();

  private int gavel(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Project.root().resolve("gavel").toString());
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(folder.resolve("err").toFile());
    builder.environment().put("GAVEL_BUILD", "never");
    builder.environment().remove("LANG");
    builder.environment().remove("LC_ALL");
    builder.environment().remove("LC_CTYPE");
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    assertTrue(process.waitFor(300, TimeUnit.SECONDS), "does not end");
    return process.exitValue();
  }

  private String read(String name) throws IOException {
    return Files.readString(folder.resolve(name));
  }

  @Test
  void scoresTheExamples() throws Exception {
    int code = gavel("score", "--input", Project.examples().toString());
    assertEquals(ExitCode.DONE, code, read("err"));
    List<JsonNode> rows = Run.json(read("out"));
    assertEquals(Run.json(Project.examples()).size(), rows.size());
    assertTrue(rows.stream().allMatch(row -> row.has("scores")), read("out"));
    assertEquals(1, read("err").lines().count(), read("err"));
  }

  @Test
  void fileNamesMayHoldAnyCharacter() throws Exception {
    Path input = Files.copy(Project.examples(), folder.resolve("réponses à noter 日本.jsonl"));
    Path output = folder.resolve("résultat.jsonl");
    int code =
        gavel(
            "score", "--input", input.toString(), "--output", output.toString(), "--threads", "1");
    assertEquals(ExitCode.DONE, code, read("err"));
    assertEquals(12, Run.json(output).size());
  }

  @Test
  void fileNamesMayHoldAnyCharacterWhereTheLocaleIsNotInstalled() throws Exception {
    Path input = Files.writeString(folder.resolve("réponses.jsonl"), "");
    environment.put("LANG", "xx_XX.UTF-8");
    assertEquals(ExitCode.DONE, gavel("score", "--input", input.toString()), read("err"));
  }

  @Test
  void passesExitCodesOn() throws Exception {
    assertEquals(ExitCode.USAGE, gavel("score"));
    assertEquals(ExitCode.DONE, gavel("doctor"), read("err") + read("out"));
    assertEquals(ExitCode.DONE, gavel("--version"));
    assertEquals("gavel " + Version.NUMBER, read("out").strip());
  }
}
