package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.example.data.Group;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Heads of several objectives on the command line. The hidden state of token t is [t, t / 3]. */
class ObjectivesTest {
  private static final String ROWS =
      """
      {"id":1,"prompt":"p","responses":["a","bz"],"scores":[1,0]}
      {"id":2,"prompt":"p","responses":[""]}
      {"id":3,"prompt":"p","responses":["c"],"scores":[1]}
      """;

  @TempDir private Path folder;

  private Run run(String command, String... more) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of(command, "--input", "-"));
    arguments.addAll(List.of("--model", folder.toString()));
    arguments.addAll(List.of(more));
    return Run.withInput(ROWS, arguments.toArray(String[]::new));
  }

  private static double length(char last) {
    return 0.01 * last;
  }

  private static double quality(char last) {
    return -0.02 * last / 3;
  }

  @Test
  void everyResponseHasItsObjectivesUnderTheirNames() throws IOException {
    TinyModel.writeOfObjectives(folder, "length", "quality");
    Run run = run("score", "--objective", "quality");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    JsonNode first = run.json().get(0);
    assertEquals(quality('a'), first.get("scores").get(0).asDouble(), 1e-6);
    assertEquals(quality('z'), first.get("scores").get(1).asDouble(), 1e-6);
    assertEquals(0, first.get("best").asInt());
    assertEquals(2, first.get("objectives").size());
    assertEquals(length('z'), first.get("objectives").get("length").get(1).asDouble(), 1e-6);
    assertEquals(first.get("scores"), first.get("objectives").get("quality"));
    assertTrue(run.json().get(1).has("error"));
    assertTrue(!run.json().get(1).has("objectives"));
    JsonNode other = run("score", "--objective", "length").json().get(0);
    assertEquals(1, other.get("best").asInt());
    assertEquals(first.get("objectives"), other.get("objectives"));
  }

  @Test
  void theScoreIsChosenByName() throws IOException {
    TinyModel.writeOfObjectives(folder, "LABEL_0", "LABEL_1");
    Run none = run("score");
    assertEquals(ExitCode.USAGE, none.exitCode());
    assertTrue(none.err().contains("[objective_0, objective_1]"), none.err());
    assertEquals(ExitCode.USAGE, run("score", "--objective", "x").exitCode());
    TinyModel.write(folder);
    Run whole = run("score", "--objective", "objective_0");
    assertEquals(ExitCode.USAGE, whole.exitCode());
    assertTrue(whole.err().contains("leave it out"), whole.err());
    Run pattern = run("score", "--pattern", "best");
    assertEquals(ExitCode.USAGE, pattern.exitCode());
    assertTrue(pattern.err().contains("qwen3_reranker"), pattern.err());
  }

  /** Nothing in the files of a language model says by which rows it is scored. */
  @Test
  void thePatternOfALanguageModelIsAskedForByItsOption() throws IOException {
    TinyModel.writeOfLanguage(folder);
    Run none = run("score");
    assertEquals(ExitCode.USAGE, none.exitCode(), none.err());
    assertTrue(none.err().contains("say it with --pattern: nemotron,"), none.err());
    assertTrue(!none.err().contains("NEMOTRON"), none.err());
    JsonNode first = run("score", "--pattern", "nemotron").json().get(0);
    assertEquals(0.25 * 'a', first.get("scores").get(0).asDouble(), 1e-6);
  }

  @Test
  void evaluatesTheChosenObjective() throws IOException {
    TinyModel.writeOfObjectives(folder, "length", "quality");
    assertEquals(
        1, run("eval", "--json", "--objective", "quality").json().get(0).get("accuracy").asInt());
    assertEquals(
        0, run("eval", "--json", "--objective", "length").json().get(0).get("accuracy").asInt());
  }

  private static float number(Group list, int index) {
    return list.getGroup(0, index).getFloat(0, 0);
  }

  @Test
  void parquetHasAColumnForEach() throws Exception {
    TinyModel.writeOfObjectives(folder.resolve("m"), "length", "quality");
    Path input = Files.writeString(folder.resolve("rows.jsonl"), ROWS);
    Path output = folder.resolve("scores.parquet");
    String[] arguments = {
      "score",
      "--input",
      input.toString(),
      "--output",
      output.toString(),
      "--model",
      folder.resolve("m").toString(),
      "--objective",
      "quality"
    };
    Run run = Run.of(arguments);
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    List<Group> rows = ParquetFile.rows(output);
    Group objectives = rows.getFirst().getGroup("objectives", 0);
    assertEquals(2, objectives.getType().getFieldCount());
    assertEquals((float) length('z'), number(objectives.getGroup("length", 0), 1), 1e-6);
    assertEquals(
        number(rows.getFirst().getGroup("scores", 0), 1),
        number(objectives.getGroup("quality", 0), 1));
    assertEquals(0, rows.get(1).getFieldRepetitionCount("objectives"));
    assertTrue(!rows.getFirst().getType().containsField("step_scores"));
    TinyModel.writeOfSteps(folder.resolve("s"));
    Files.writeString(input, "{\"prompt\":\"p\",\"responses\":[[\"a\",\"b\"],[\"c\"]]}\n");
    Run steps =
        Run.of(
            "score",
            "--input",
            input.toString(),
            "--output",
            output.toString(),
            "--force",
            "--model",
            folder.resolve("s").toString(),
            "--step-reduction",
            "min");
    assertEquals(ExitCode.DONE, steps.exitCode(), steps.err());
    Group list = ParquetFile.rows(output).getFirst().getGroup("step_scores", 0);
    assertEquals(2, list.getFieldRepetitionCount(0));
    assertEquals(2, list.getGroup(0, 0).getGroup(0, 0).getFieldRepetitionCount(0));
    assertEquals(1, list.getGroup(0, 1).getGroup(0, 0).getFieldRepetitionCount(0));
  }
}
