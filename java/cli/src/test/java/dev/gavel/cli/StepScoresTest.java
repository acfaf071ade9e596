package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Process reward models on the command line: as many scores as steps, or an error row. */
class StepScoresTest {
  // At the marker, token 130: z1 - z0 = 0.01 * 130 - 0.01 * 130 / 3.
  private static final double RIGHT = 1 / (1 + Math.exp(-(1.3 - 1.3 / 3)));

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    TinyModel.writeOfSteps(folder);
  }

  private Run run(String command, String input, String... more) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of(command, "--input", "-"));
    arguments.addAll(List.of("--model", folder.toString()));
    arguments.addAll(List.of(more));
    return Run.withInput(input, arguments.toArray(String[]::new));
  }

  @Test
  void everyStepHasItsScore() {
    String rows =
        """
        {"id":1,"prompt":"p","responses":[["one","two","three"],["four"]]}
        {"id":2,"prompt":"p","responses":["one","two"]}
        {"id":3,"prompt":"p","responses":[["%s"],["ok"]]}
        """
            .formatted("x".repeat(300));
    Run run = run("score", rows, "--step-reduction", "product");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    JsonNode first = run.json().get(0);
    assertEquals(3, first.get("step_scores").get(0).size());
    assertEquals(1, first.get("step_scores").get(1).size());
    assertEquals(RIGHT, first.get("step_scores").get(0).get(2).asDouble(), 1e-6);
    assertEquals(RIGHT * RIGHT * RIGHT, first.get("scores").get(0).asDouble(), 1e-6);
    assertEquals(1, first.get("best").asInt());
    JsonNode texts = run.json().get(1).get("error");
    assertEquals("responses", texts.get("field").asText());
    assertTrue(texts.get("message").asText().contains("the list of its steps"));
    JsonNode tooLong = run.json().get(2).get("error");
    assertEquals("responses[0]", tooLong.get("field").asText());
    assertTrue(tooLong.get("message").asText().contains("300 tokens"), tooLong.toString());
  }

  @Test
  void theReductionIsChosenByName() {
    String row = "{\"prompt\":\"p\",\"responses\":[[\"a\",\"b\"]]}\n";
    assertEquals(ExitCode.USAGE, run("score", row).exitCode());
    assertEquals(ExitCode.USAGE, run("score", row, "--step-reduction", "best").exitCode());
    JsonNode mean = run("score", row, "--step-reduction", "sum").json().get(0);
    assertEquals(2 * RIGHT, mean.get("scores").get(0).asDouble(), 1e-6);
    Run whole = Run.withInput(row, "score", "--input", "-", "--layout", "independent");
    assertTrue(whole.json().get(0).get("error").get("message").asText().contains("one text"));
  }

  /** TRL's token classifiers: the text that ends a step is told, and read at its last token. */
  @Test
  void whatEndsAStepIsAnOption() throws IOException {
    TinyModel.writeOfStepEnds(folder);
    String rows =
        """
        {"id":1,"prompt":"p","responses":[["one","two"],["three"]]}
        {"id":2,"prompt":"p","responses":[["one",""]]}
        """;
    Run without = run("score", rows, "--step-reduction", "min");
    assertEquals(ExitCode.USAGE, without.exitCode());
    assertTrue(without.err().contains("step separator"), without.err());
    Run run = run("score", rows, "--step-reduction", "min", "--step-separator", "\\n");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    // A line end is token 10.
    double right = 1 / (1 + Math.exp(-(0.5 + 0.1)));
    JsonNode first = run.json().get(0);
    assertEquals(2, first.get("step_scores").get(0).size());
    assertEquals(right, first.get("step_scores").get(0).get(1).asDouble(), 1e-6);
    assertEquals("responses[0][1]", run.json().get(1).get("error").get("field").asText());
    Run wrong = run("score", rows, "--step-reduction", "min", "--step-separator", "\\q");
    assertEquals(ExitCode.USAGE, wrong.exitCode());
    assertTrue(wrong.err().contains("--step-separator is '\\q'"), wrong.err());
  }

  /** Eval packs responses in an order of its own, which nobody can see. */
  @Test
  void refusalsCountResponsesAsTheRowDoes() {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      rows.append(
          "{\"prompt\":\"p%d\",\"responses\":[[\"ok\"],[\"%s\"]],\"scores\":[1,0]}\n"
              .formatted(i, "x".repeat(300)));
    }
    Run run = run("eval", rows.toString(), "--step-reduction", "min", "--json");
    assertEquals(8, run.json().get(0).get("failed").asInt(), run.err());
    List<String> told = run.err().lines().filter(line -> line.contains("left out")).toList();
    assertEquals(8, told.size(), run.err());
    for (String line : told) {
      assertTrue(line.contains(": response 1 has 300 tokens"), line);
    }
  }

  @Test
  void evaluatesResponsesOfSteps() {
    String rows =
        "{\"prompt\":\"p\",\"responses\":[[\"a\"],[\"b\",\"c\"]],\"scores\":[1,0]}\n".repeat(3);
    JsonNode all = run("eval", rows, "--json", "--step-reduction", "product").json().get(0);
    assertEquals(1, all.get("accuracy").asDouble());
    assertEquals(3, all.get("n").asInt());
  }

  /** Odds of a logit of 40, whose probability is 1 in f32, are a number. */
  @Test
  void oddsOfCertainStepsAreNumbers() throws IOException {
    stepEnds(4);
    String row = "{\"prompt\":\"p\",\"responses\":[[\"a\",\"c\"],[\"b\"]]}\n";
    Run run = run("score", row, "--step-reduction", "mean_odds", "--step-separator", "\\n");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    JsonNode scored = run.json().get(0);
    assertEquals(1, scored.get("step_scores").get(0).get(1).asDouble());
    assertEquals(1, scored.get("scores").get(0).asDouble() / Math.exp(40), 1e-6);
    assertEquals(scored.get("scores").get(0), scored.get("scores").get(1));
  }

  /** The logit of every step is this often ten. */
  private void stepEnds(float tens) throws IOException {
    try (HostTensor score = HostTensor.of(new float[] {0, 0, tens, 0}, 2, 2);
        HostTensor bias = HostTensor.of(new float[] {0, 0}, 2)) {
      TinyModel.writeOfStepEnds(folder);
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of("score.weight", score, "score.bias", bias));
    }
  }

  /** The model gives numbers; it is the reduction that does not. */
  @Test
  void aReductionWithoutResultIsNamed() throws IOException {
    stepEnds(50);
    String row = "{\"prompt\":\"p\",\"responses\":[[\"a\"],[\"b\"]],\"scores\":[1,0]}\n";
    for (String command : List.of("score", "eval")) {
      Run run = run(command, row, "--step-reduction", "mean_odds", "--step-separator", "\\n");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      String told = run.out() + run.err();
      assertTrue(told.contains("Use another reduction"), told);
      assertFalse(told.contains("backbone gives"), told);
    }
  }
}
