package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.rows.LineReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoreCommandTest {
  private static final String ROW = "{\"id\":\"x\",\"prompt\":\"p\",\"responses\":[\"a\",\"b\"]}\n";

  @TempDir private Path folder;

  private Path file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  private static List<String> names(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static List<Integer> integers(JsonNode list) {
    List<Integer> values = new ArrayList<>();
    list.forEach(value -> values.add(value.intValue()));
    return values;
  }

  @Test
  void anEmptyNameIsNotTheFolderOneIsIn() {
    for (String option : List.of("--input", "--output", "--model", "--metrics")) {
      List<String> arguments = new ArrayList<>(List.of("score", option, ""));
      if (!option.equals("--input")) {
        arguments.addAll(List.of("--input", "-"));
      }
      Run run = Run.of(arguments.toArray(String[]::new));
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains(option + " is empty"), run.err());
    }
    Run run = Run.of("train", "--input=", "--loss", "bt", "--out", "x");
    assertTrue(run.err().contains("--input is empty"), run.err());
  }

  @Test
  void scoresTheExamplesInBothLayouts() throws IOException {
    List<JsonNode> rows = Run.json(Project.examples());
    for (String layout : List.of("joint", "independent")) {
      Run run = Run.of("score", "--input", Project.examples().toString(), "--layout", layout);
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      List<JsonNode> scored = run.json();
      assertEquals(rows.size(), scored.size());
      for (int i = 0; i < rows.size(); i++) {
        JsonNode row = scored.get(i);
        int responses = rows.get(i).get("responses").size();
        assertEquals(
            List.of(
                "id",
                "scores",
                "best",
                "ranking",
                "tokens",
                "truncated",
                "prompt_tokens",
                "prompt_truncated",
                "special_literals",
                "passes",
                "layout",
                "readout",
                "template",
                "model"),
            names(row));
        assertEquals(rows.get(i).get("id"), row.get("id"));
        assertEquals(responses, row.get("scores").size());
        assertEquals(
            new TreeSet<>(IntStream.range(0, responses).boxed().toList()),
            new TreeSet<>(integers(row.get("ranking"))));
        assertEquals(row.get("best"), row.get("ranking").get(0));
        assertEquals(layout, row.get("layout").asText());
        assertEquals(layout.equals("joint") ? 1 : responses, row.get("passes").asInt());
        for (int rank = 1; rank < responses; rank++) {
          assertTrue(
              score(row, row.get("ranking").get(rank - 1).asInt())
                  >= score(row, row.get("ranking").get(rank).asInt()));
        }
      }
      assertTrue(run.err().contains("12 rows, 0 failed"), run.err());
    }
  }

  private static double score(JsonNode row, int response) {
    return row.get("scores").get(response).doubleValue();
  }

  @Test
  void scoresDoNotDependOnTheRowsScoredTogether() throws IOException {
    String all = Files.readString(Project.examples());
    Run together = Run.withInput(all, "score", "--input", "-", "--threads", "1");
    Run apart =
        Run.withInput(all, "score", "--input", "-", "--threads", "2", "--batch-tokens", "1");
    assertEquals(together.out(), apart.out());
  }

  @Test
  void badRowsKeepTheirPlace() {
    Run run = Run.withInput(ROW + "\n{\n" + ROW, "score", "--input", "-");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    List<JsonNode> rows = run.json();
    assertEquals(3, rows.size());
    assertEquals(rows.get(0), rows.get(2));
    assertEquals(List.of("id", "line", "error"), names(rows.get(1)));
    assertEquals(3, rows.get(1).get("line").asInt());
    assertEquals(List.of("field", "found", "message"), names(rows.get(1).get("error")));
    assertTrue(run.err().contains("3 rows, 1 failed"), run.err());
  }

  @Test
  void oneResponseFiveHundredAndALongOne() {
    StringBuilder many = new StringBuilder("{\"prompt\":\"p\",\"responses\":[\"r\"");
    IntStream.range(1, 500).forEach(i -> many.append(",\"r ").append(i).append('"'));
    String input =
        "{\"prompt\":\"p\",\"responses\":[\"alone\"]}\n"
            + many
            + "]}\n{\"prompt\":\"p\",\"responses\":[\""
            + "word ".repeat(3000)
            + "\",\"short\"]}\n";
    Run run = Run.withInput(input, "score", "--input", "-");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    List<JsonNode> rows = run.json();
    assertEquals(1, rows.get(0).get("scores").size());
    assertEquals(500, rows.get(1).get("scores").size());
    assertTrue(rows.get(1).get("passes").asInt() > 1);
    JsonNode longRow = rows.get(2);
    int kept = longRow.get("tokens").get(0).asInt();
    assertTrue(kept < 512, "kept " + kept);
    assertEquals(3000 - kept, longRow.get("truncated").get(0).asInt());
    assertEquals(0, longRow.get("truncated").get(1).asInt());
  }

  @Test
  void textOfASpecialTokenIsReportedAndIsNoSeparator() {
    Run run =
        Run.withInput(
            "{\"prompt\":\"p\",\"responses\":[\"a [SEP] b\",\"c\"]}\n", "score", "--input", "-");
    JsonNode row = run.json().get(0);
    assertEquals(2, row.get("scores").size());
    assertEquals(1, row.get("special_literals").asInt());
  }

  @Test
  void responsesWithoutATokenAreNamed() {
    Run run =
        Run.withInput(
            "{\"prompt\":\"p\",\"responses\":[\"a\",\"\\u200b\"]}\n", "score", "--input", "-");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    assertEquals("responses[1]", run.json().get(0).get("error").get("field").asText());
  }

  @Test
  void aLineThatIsTooLongIsAnErrorAndTheNextIsScored() throws IOException {
    Path input = folder.resolve("long.jsonl");
    try (var out = Files.newBufferedWriter(input)) {
      out.write("{\"prompt\":\"p\",\"responses\":[\"");
      String piece = "x".repeat(1 << 16);
      for (long written = 0; written < 100_000_000; written += piece.length()) {
        out.write(piece);
      }
      out.write("\"]}\n" + ROW);
    }
    assertTrue(Files.size(input) > LineReader.LONGEST);
    Run run = Run.of("score", "--input", input.toString());
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    assertEquals(2, run.json().size());
    assertEquals("line", run.json().get(0).get("error").get("field").asText());
    assertEquals("x", run.json().get(1).get("id").asText());
  }

  @Test
  void printsATableWhereAsked() {
    Run run = Run.withInput(ROW + "{\n", "score", "--input", "-", "--format", "table");
    assertTrue(run.out().startsWith("x  p\n"), run.out());
    assertTrue(run.out().contains("line 2: not scored"), run.out());
  }

  @Test
  void writesAFileOnceAndNeverOverAnother() throws IOException {
    Path input = file("in.jsonl", ROW);
    Path output = folder.resolve("out.jsonl");
    String[] command = {"score", "--input", input.toString(), "--output", output.toString()};
    assertEquals(ExitCode.DONE, Run.of(command).exitCode());
    String first = Files.readString(output);
    assertEquals(1, Run.json(first).size());
    Run again = Run.of(command);
    assertEquals(ExitCode.USAGE, again.exitCode());
    assertTrue(again.err().contains("--force"), again.err());
    assertEquals(first, Files.readString(output));
    Run same =
        Run.of("score", "--input", input.toString(), "--output", input.toString(), "--force");
    assertEquals(ExitCode.USAGE, same.exitCode());
    assertEquals(ROW, Files.readString(input));
  }

  @Test
  void aFullDiskIsTold() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "skipped: this system has no /dev/full");
    Path input = file("in.jsonl", ROW);
    Run run = Run.of("score", "--input", input.toString(), "--output", full.toString());
    assertEquals(ExitCode.ENVIRONMENT, run.exitCode());
    assertTrue(run.err().contains("No space left on device"), run.err());
  }

  @Test
  void wrongUsageIsToldBeforeAnyWork() throws IOException {
    Path input = file("in.jsonl", ROW);
    Path output = folder.resolve("out.jsonl");
    List<List<String>> wrong =
        List.of(
            List.of(),
            List.of("--input", folder.resolve("none").toString()),
            List.of("--input", Files.createDirectory(folder.resolve("empty")).toString()),
            List.of("--input", input.toString(), "--layout", "both"),
            List.of("--input", input.toString(), "--format", "xml"),
            List.of("--input", input.toString(), "--device", "tpu"),
            List.of("--input", input.toString(), "--model", folder.resolve("none").toString()),
            List.of("--input", input.toString(), "--model", folder.toString()),
            List.of("--input", input.toString(), "--threads", "0"),
            List.of("--input", input.toString(), "--batch-tokens", "-1"),
            List.of("--input", input.toString(), "--response-tokens", "0"),
            List.of("--input", input.toString(), "--threads", "many"),
            List.of("--input", input.toString(), "--unknown"),
            List.of("--input", input.toString(), "--input", input.toString()),
            List.of("--input", input.toString(), "--output", folder.resolve("no/o").toString()));
    for (List<String> arguments : wrong) {
      List<String> command = new ArrayList<>(List.of("score", "--output", output.toString()));
      if (arguments.contains("--output")) {
        command.subList(1, 3).clear();
      }
      command.addAll(arguments);
      Run run = Run.of(command.toArray(String[]::new));
      assertEquals(ExitCode.USAGE, run.exitCode(), command + ": " + run.err());
      assertTrue(run.err().startsWith("gavel: "), run.err());
      assertFalse(run.err().contains("\tat "), run.err());
      assertFalse(Files.exists(output), command.toString());
    }
  }

  @Test
  void aDeviceThatIsNotThereIsTheEnvironment() throws IOException {
    Path input = file("in.jsonl", ROW);
    Run run = Run.of("score", "--input", input.toString(), "--device", "cuda:77");
    assertEquals(ExitCode.ENVIRONMENT, run.exitCode());
    assertTrue(run.err().contains("cuda:77"), run.err());
  }

  @Test
  void everyCommandHasHelpAndVersion() {
    for (String command : List.of("score", "eval", "train", "doctor")) {
      Run help = Run.of(command, "--help");
      assertEquals(ExitCode.DONE, help.exitCode());
      assertTrue(help.out().startsWith("Usage: gavel " + command), help.out());
      assertEquals("", help.err());
    }
    assertEquals("gavel 0.1.0", Run.of("--version").out().strip());
    assertEquals(ExitCode.USAGE, Run.of().exitCode());
    assertEquals(ExitCode.USAGE, Run.of("scroe").exitCode());
  }
}
