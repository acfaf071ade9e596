package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code --output} and {@code --metrics} write, and the files they must not replace. */
class ScoreTargetsTest {
  @TempDir private Path folder;
  private Path model = Path.of("");

  @BeforeEach
  void model() throws IOException {
    model = TinyModel.write(folder.resolve("model"));
  }

  private static String rows(int count) {
    return "{\"prompt\":\"why\",\"responses\":[\"because\",\"b\"]}\n".repeat(count);
  }

  private Run score(String input, String... more) {
    List<String> command =
        new ArrayList<>(List.of("score", "--model", model.toString(), "--input", input));
    command.addAll(List.of(more));
    return Run.of(command.toArray(String[]::new));
  }

  private Path file(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  @Test
  void metricsReplaceNoFileOfTheRun() throws IOException {
    String row = "{\"prompt\":\"say\",\"responses\":[\"no\"]}\n";
    Path input = Files.writeString(folder.resolve("rows.jsonl"), row);
    Path output = folder.resolve("scores.jsonl");
    Path unfinished = Files.writeString(folder.resolve("scores.jsonl.partial"), "rows");
    for (Path metrics :
        List.of(
            input,
            folder.resolve("../" + folder.getFileName() + "/rows.jsonl"),
            output,
            unfinished,
            folder.resolve("scores.jsonl.run"))) {
      Run run =
          score(
              input.toString(),
              "--output",
              output.toString(),
              "--metrics",
              metrics.toString(),
              "--force");
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains("--metrics " + metrics + " "), run.err());
      assertTrue(run.err().contains("; name another"), run.err());
    }
    assertEquals(row, Files.readString(input));
    assertEquals("rows", Files.readString(unfinished));
  }

  @Test
  void nothingReplacesAFileOfTheModelOrTheCache() throws IOException {
    TinyModel.writeWithDataFile(model);
    Path rows = file("rows.jsonl", rows(2));
    Path cache = folder.resolve("rows.cache");
    Run made = Run.of("cache", "--model", "" + model, "--input", "" + rows, "--output", "" + cache);
    assertEquals(ExitCode.DONE, made.exitCode(), made.err());
    Path link = Files.createSymbolicLink(folder.resolve("link"), model.resolve("model.onnx"));
    Path vectors = cache.resolve("vectors-00000.safetensors");
    // What is written on the way replaces as well.
    Path partial = file("scores.partial", rows(2));
    Path free = folder.resolve("figures.json");
    for (Path kept :
        List.of(
            model.resolve("config.json"),
            model.resolve("model.onnx.data"),
            link,
            cache.resolve("cache.run"),
            vectors)) {
      byte[] before = Files.readAllBytes(kept);
      Run output = score(cache.toString(), "--output", kept.toString(), "--force");
      Run metrics =
          score(
              cache.toString(),
              "--output",
              folder.resolve("scores").toString(),
              "--metrics",
              kept.toString(),
              "--force");
      assertEquals(ExitCode.USAGE, output.exitCode(), output.err());
      assertTrue(output.err().contains("--output " + kept + " would replace"), output.err());
      assertEquals(ExitCode.USAGE, metrics.exitCode(), metrics.err());
      assertTrue(metrics.err().contains("--metrics " + kept + " would replace"), metrics.err());
      assertArrayEquals(before, Files.readAllBytes(kept));
    }
    Run ofPartial =
        score(partial.toString(), "--output", folder.resolve("scores").toString(), "--force");
    assertEquals(ExitCode.USAGE, ofPartial.exitCode(), ofPartial.err());
    assertEquals(rows(2), Files.readString(partial));
    // Another file of the model's folder is nobody's.
    Path own = Files.writeString(model.resolve("scores.jsonl"), "old");
    Run fine =
        score(
            cache.toString(), "--output", own.toString(), "--metrics", free.toString(), "--force");
    assertEquals(ExitCode.DONE, fine.exitCode(), fine.err());
    assertEquals(2, Run.json(own).size());
  }

  @Test
  void metricsAreWrittenOnceAndNeverOverAnother() throws IOException {
    Path input = file("in.jsonl", rows(30) + "{\n");
    Path metrics = folder.resolve("metrics.json");
    Run run = score(input.toString(), "--metrics", metrics.toString());
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    JsonNode figures = Run.parse(Files.readString(metrics));
    assertEquals(31, figures.get("rows").asInt());
    assertEquals(1, figures.get("failed").asInt());
    assertEquals(60, figures.get("responses").asInt());
    assertTrue(figures.get("complete").asBoolean());
    assertTrue(figures.get("rows_per_second").asDouble() > 0);
    for (String stage : List.of("reading", "tokenizing", "backbone", "head", "writing")) {
      assertTrue(figures.get("stage_seconds").get(stage).asDouble() > 0, stage);
    }
    Run again = score(input.toString(), "--metrics", metrics.toString());
    assertEquals(ExitCode.USAGE, again.exitCode());
    assertEquals("", again.out());
    Run nowhere = score(input.toString(), "--metrics", folder.resolve("no/m").toString());
    assertEquals(ExitCode.USAGE, nowhere.exitCode());
  }

  /** A run may be killed between its last row and its figures: the next one writes them. */
  @Test
  void aRunThatWasCompleteBeforeHasMetricsToo() throws IOException {
    Path input = file("in.jsonl", rows(30) + "{\n");
    Path cache = folder.resolve("in.cache");
    Run.of("cache", "--model", model + "", "--input", input + "", "--output", cache + "");
    for (Path from : List.of(input, cache)) {
      Path output = folder.resolve(from.getFileName() + ".out");
      Path metrics = folder.resolve(from.getFileName() + ".json");
      score(from.toString(), "--output", output.toString());
      Run run =
          score(
              from.toString(),
              "--output",
              output.toString(),
              "--resume",
              "--metrics",
              metrics.toString());
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      JsonNode figures = Run.parse(Files.readString(metrics));
      assertTrue(figures.get("complete").asBoolean());
      assertEquals(31, figures.get("rows").asInt());
      assertEquals(31, figures.get("rows_before").asInt());
    }
  }

  @Test
  void aFailureInTheMiddleIsToldInTheMetrics() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "skipped: this system has no /dev/full");
    Path input = file("in.jsonl", rows(30));
    Path metrics = folder.resolve("metrics.json");
    Run run = score(input.toString(), "--output", full.toString(), "--metrics", metrics.toString());
    assertEquals(ExitCode.ENVIRONMENT, run.exitCode());
    assertFalse(Run.parse(Files.readString(metrics)).get("complete").asBoolean());
  }

  @Test
  void whatCannotBeWrittenIsToldBeforeAnyWork() throws IOException {
    // Nobody makes files here, not even the administrator, who may write everywhere else.
    Path system = Path.of("/proc");
    assumeTrue(Files.isDirectory(system), "skipped: this system has no /proc");
    Path input = file("in.jsonl", rows(3));
    String target = system.resolve("gavel-out").toString();
    // A model that is not there would be told first by a command that begins to work first.
    for (String command : List.of("score", "cache")) {
      Run run =
          Run.of(command, "--model", folder + "/none", "--input", input + "", "--output", target);
      assertEquals(ExitCode.ENVIRONMENT, run.exitCode(), run.err());
      assertTrue(run.err().contains("output %s cannot be written".formatted(target)), run.err());
    }
    Run train = Run.of("train", "--input", input + "", "--loss", "bt", "--out", target);
    assertFalse(train.exitCode() == ExitCode.DONE || train.err().contains("java."), train.err());
    Run metrics = score(input.toString(), "--metrics", target);
    assertEquals(ExitCode.ENVIRONMENT, metrics.exitCode(), metrics.err());
    assertEquals("", metrics.out());
    assertTrue(metrics.err().contains("--metrics " + target), metrics.err());
  }

  /** It was followed to nothing after all rows were scored, and --resume ended there, too. */
  @Test
  void aLinkToNothingIsToldBeforeAnyWork() throws IOException {
    String input = file("in.jsonl", rows(3)).toString();
    Path end = folder.resolve("end");
    String link = Files.createSymbolicLink(folder.resolve("link"), end).toString();
    // A model that is not there would be told first by a command that begins to work first.
    String none = folder.resolve("none").toString();
    for (List<String> command :
        List.of(
            List.of("score", "--model", none, "--input", input, "--output", link),
            List.of("score", "--model", none, "--input", input, "--output", link, "--resume"),
            List.of("score", "--model", none, "--input", input, "--metrics", link),
            List.of("cache", "--model", none, "--input", input, "--output", link),
            List.of("train", "--input", input, "--loss", "bt", "--out", link))) {
      Run run = Run.of(command.toArray(String[]::new));
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains(link + " is a link to " + end), run.err());
    }
    assertFalse(Files.exists(end));
  }

  @Test
  void metricsGoToTheEndOfALinkAndIntoADevice() throws IOException {
    Path nothing = Path.of("/dev/null");
    assumeTrue(Files.exists(nothing), "skipped: this system has no /dev/null");
    String input = file("in.jsonl", rows(3)).toString();
    Path old = file("old.json", "old");
    // Never the device itself: a run that replaces it would take it from all programs.
    for (Path end : List.of(nothing, old)) {
      Path link = Files.createSymbolicLink(folder.resolve("to-" + end.getFileName()), end);
      Run run = score(input, "--metrics", link.toString(), "--force");
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      assertTrue(Files.isSymbolicLink(link), link.toString());
    }
    assertEquals(3, Run.parse(Files.readString(old)).get("rows").asInt());
    Run unasked = score(input, "--metrics", folder.resolve("to-null").toString());
    assertEquals(ExitCode.DONE, unasked.exitCode(), unasked.err());
  }

  @Test
  void whatIsWrittenBesideTheEndOfALinkReplacesNoInput() throws IOException {
    Path end = file("there/out.jsonl", "old");
    Path link = Files.createSymbolicLink(folder.resolve("out"), end);
    Path input = file("there/out.jsonl.partial", rows(3));
    for (String option : List.of("--output", "--metrics")) {
      Run run = score(input.toString(), option, link.toString(), "--force");
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains(option + " " + link + " would replace " + input), run.err());
      assertEquals(rows(3), Files.readString(input));
    }
  }

  @Test
  void theOutputIsNoneOfTheInputs() throws IOException {
    Path input = file("data/a.jsonl", rows(1));
    Run run = score(input.getParent().toString(), "--output", input.toString(), "--force");
    assertEquals(ExitCode.USAGE, run.exitCode());
    assertEquals(rows(1), Files.readString(input));
  }
}
