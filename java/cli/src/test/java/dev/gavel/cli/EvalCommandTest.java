package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalCommandTest {
  private static final String FINITE =
      """
      {"prompt":"a","chosen":"b","rejected":"a","subset":"mt-bench-easy"}
      {"prompt":"b","chosen":"a","rejected":"b","subset":"mt-bench-med"}
      """;
  private static final String OVERFLOWING =
      """
      {"prompt":"c","chosen":"z","rejected":"a","subset":"mt-bench-med"}
      {"prompt":"d","chosen":"a","rejected":"z","subset":"mt-bench-hard"}
      """;

  private static ObjectNode object(Run run) {
    return (ObjectNode) run.json().getFirst();
  }

  private static Run eval(String data, String... more) {
    String[] command = new String[more.length + 3];
    System.arraycopy(new String[] {"eval", "--input", "-"}, 0, command, 0, 3);
    System.arraycopy(more, 0, command, 3, more.length);
    return Run.withInput(data, command);
  }

  @Test
  void countsRowsPairsSubsetsAndLength() {
    JsonNode all = eval(Preferences.pairs(10), "--json").json().get(0);
    assertEquals(10, all.get("n").asInt());
    assertEquals(all.get("right").asDouble() / 10, all.get("accuracy").asDouble());
    assertEquals(0.5, all.get("chance").asDouble());
    assertEquals(2, all.get("subsets").size());
    assertEquals(5, all.get("subsets").get("even").get("n").asInt());
    assertEquals(
        all.get("right").asInt(),
        all.get("subsets").get("even").get("right").asInt()
            + all.get("subsets").get("odd").get("right").asInt());
    double accuracy = all.get("accuracy").asDouble();
    double low = all.get("interval").get(0).asDouble();
    double high = all.get("interval").get(1).asDouble();
    assertTrue(low <= accuracy && accuracy <= high && low < high, all.toString());
    // The chosen response is always two characters longer.
    assertEquals(1, all.get("length").get("accuracy").asDouble());
    JsonNode groups = eval(Preferences.groups(6), "--json").json().get(0);
    assertEquals(6, groups.get("n").asInt());
    assertEquals(18, groups.get("pairs").get("n").asInt());
    assertEquals(1.0 / 3, groups.get("chance").asDouble(), 1e-12);
    assertEquals(1, groups.get("length").get("accuracy").asDouble());
  }

  @Test
  void equalResponsesTieInTheIndependentLayoutAndCountAsWrong() {
    String rows = "{\"prompt\":\"p\",\"chosen\":\"same\",\"rejected\":\"same\"}\n".repeat(4);
    JsonNode all = eval(rows, "--json", "--layout", "independent").json().get(0);
    assertEquals(4, all.get("ties").asInt());
    assertEquals(0, all.get("accuracy").asDouble());
  }

  @Test
  void rowsThatCannotBeUsedAreToldAndCounted() {
    Run run =
        eval(
            Preferences.pairs(2)
                + "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"]}\n"
                + "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"scores\":[1,1]}\n"
                + "{\"prompt\":\"p\",\"chosen\":\"\\u200b\",\"rejected\":\"b\"}\n",
            "--json");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    assertEquals(2, run.json().get(0).get("failed").asInt());
    assertEquals(1, run.json().get(0).get("without_preference").asInt());
    assertTrue(run.err().contains("line 3: scores"), run.err());
    assertTrue(run.err().contains("line 5"), run.err());
  }

  @Test
  void aRowWithoutTokensHasFailedWhateverItsLabels(@TempDir Path folder) throws IOException {
    String rows =
        Preferences.pairs(2)
            + "{\"prompt\":\"p\",\"responses\":[\"b\",\"\\u200b\"],\"scores\":[1,1]}\n"
            + "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"scores\":[1,1]}\n";
    Path data = Files.writeString(folder.resolve("rows.jsonl"), rows);
    Path cache = folder.resolve("cache");
    Run made = Run.of("cache", "--input", data + "", "--output", cache + "", "--order", "drawn");
    assertEquals(ExitCode.ROWS_FAILED, made.exitCode(), made.err());
    List<JsonNode> results = new ArrayList<>();
    for (Path from : List.of(data, cache)) {
      Run run = Run.of("eval", "--input", from + "", "--json");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      assertTrue(run.err().contains("left out line 3: response 1,"), run.err());
      results.addAll(run.json());
    }
    assertEquals(1, results.getFirst().get("failed").asInt());
    assertEquals(1, results.getFirst().get("without_preference").asInt());
    assertEquals(results.getFirst(), results.getLast());
  }

  @Test
  void aPartHasItsOwnRowsWithoutPreferenceAndTokens(@TempDir Path folder) throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      rows.append(
          "{\"prompt\":\"p%d\",\"responses\":[\"a\",\"b\"],\"scores\":[1,1]}\n".formatted(i));
      rows.append("{\"prompt\":\"q%d\",\"chosen\":\"a\",\"rejected\":\"\\u200b\"}\n".formatted(i));
    }
    Path data = Files.writeString(folder.resolve("rows.jsonl"), rows);
    Path cache = folder.resolve("cache");
    Run.of("cache", "--input", data + "", "--output", cache + "", "--order", "drawn");
    List<JsonNode> parts = new ArrayList<>();
    for (String part : List.of("training", "evaluation")) {
      List<JsonNode> results = new ArrayList<>();
      for (Path from : List.of(data, cache)) {
        Run run =
            Run.of("eval", "--input", from + "", "--json", "--part", part, "--holdout", "0.5");
        results.addAll(run.json());
      }
      assertEquals(results.getFirst(), results.getLast(), part);
      parts.add(results.getFirst());
    }
    for (String counted : List.of("failed", "without_preference")) {
      List<Integer> counts = parts.stream().map(part -> part.get(counted).asInt()).toList();
      assertEquals(8, counts.getFirst() + counts.getLast(), counted);
      assertTrue(counts.getFirst() > 0 && counts.getLast() > 0, counted + " " + counts);
    }
  }

  @Test
  void nothingToMeasureIsNoAccuracy() {
    JsonNode all = eval("", "--json").json().get(0);
    assertTrue(all.get("accuracy").isNull());
    assertEquals(0, all.get("n").asInt());
    // What rows would have told of chance and length is not 0 either.
    assertTrue(all.get("chance").isNull(), all.toString());
    assertTrue(all.get("pairs").get("length_accuracy").isNull(), all.toString());
    Run table = eval("");
    assertTrue(table.out().matches("(?s).*\nall +0 +- +- +- +0\n.*"), table.out());
  }

  @Test
  void partsAddUp() {
    String data = Preferences.pairs(12);
    int sum = 0;
    for (String part : List.of("training", "evaluation")) {
      sum +=
          eval(data, "--json", "--part", part, "--holdout", "0.5").json().get(0).get("n").asInt();
    }
    assertEquals(12, sum);
    assertEquals(ExitCode.USAGE, eval(data, "--part", "evaluation").exitCode());
    assertEquals(ExitCode.USAGE, eval(data, "--holdout", "0.5").exitCode());
    assertEquals(ExitCode.USAGE, eval(data, "--part", "test", "--holdout", "0.5").exitCode());
  }

  @Test
  void printsATable() {
    Run run = eval(Preferences.pairs(4));
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(0).startsWith("gavel-default, layout joint, on -"), run.out());
    assertTrue(lines.get(1).startsWith("subset"), run.out());
    assertTrue(lines.get(2).startsWith("all"), run.out());
    assertTrue(lines.get(3).startsWith("even"), run.out());
    assertEquals(1, lines.stream().skip(1).limit(4).map(String::length).distinct().count());
  }

  @Test
  void reportsTheSectionsOfABenchmark() {
    String rows =
        """
        {"id":1,"prompt":"a","chosen":"yes","rejected":"no","subset":"mt-bench-easy"}
        {"id":2,"prompt":"b","chosen":"yes","rejected":"no","subset":"mt-bench-med"}
        {"id":3,"prompt":"c","chosen":"yes","rejected":"no","subset":"unheard"}
        """;
    Run run = eval(rows, "--json", "--benchmark", "rewardbench");
    JsonNode all = run.json().get(0);
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    assertTrue(run.err().contains("line 3: subset"), run.err());
    JsonNode benchmark = all.get("benchmark");
    assertEquals("rewardbench", benchmark.get("name").asText());
    assertTrue(benchmark.get("score").isNull());
    assertEquals(2, benchmark.get("sections").get("chat").get("n").asInt());
    assertEquals(1, benchmark.get("sections").size());
    String table = eval(rows, "--benchmark", "rewardbench").out();
    assertTrue(table.contains("rewardbench score: none"), table);
    assertEquals(ExitCode.USAGE, eval(rows, "--benchmark", "rewardbench3").exitCode());
    // The names of its subsets are told once, however many rows have none of them.
    String err = eval(rows + rows, "--benchmark", "rewardbench").err();
    assertTrue(err.split("left out line", -1).length > 2, err);
    assertEquals(2, err.split("alpacaeval-easy", -1).length, err);
  }

  @Test
  void readsListsOfChosenAndRejectedResponses() {
    String rows =
        """
        {"id":"a","prompt":"a","chosen":["yes"],"rejected":["no","never","not"],"subset":"Math"}
        {"id":"tied:1","prompt":"b","chosen":["red","blue"],"rejected":["seven"],"subset":"Ties"}
        {"id":"ref:1","prompt":"b","chosen":["red"],"rejected":["seven"],"subset":"Ties"}
        """;
    JsonNode all = eval(rows, "--json", "--benchmark", "rewardbench2").json().get(0);
    assertEquals(3, all.get("n").asInt());
    assertEquals(3 + 2 + 1, all.get("pairs").get("n").asInt());
    JsonNode sections = all.get("benchmark").get("sections");
    assertEquals(1, sections.get("Math").get("n").asInt());
    assertEquals(2, sections.get("Ties").get("n").asInt());
    assertTrue(sections.get("Ties").get("score").asDouble() <= 1.01);
  }

  @Test
  void aBenchmarksRowsAreCheckedAndItsOtherFiguresAreKept() {
    String rows =
        """
        {"id":"a","prompt":"a","chosen":"yes","rejected":["no","never","not"],"subset":"Math"}
        {"id":"tied:1","prompt":"b","chosen":["red","blue"],"rejected":["seven"],"subset":"Ties"}
        {"id":"b","prompt":"c","responses":["red","blue"],"scores":[1,1],"subset":"Mathematics"}
        """;
    Run run = eval(rows, "--json", "--benchmark", "rewardbench2");
    // Whatever people think of its responses, the third is none of the benchmark's.
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    assertTrue(run.err().contains("line 3: subset"), run.err());
    JsonNode all = run.json().get(0);
    assertEquals(1, all.get("failed").asInt());
    assertEquals(0, all.get("without_preference").asInt());
    JsonNode benchmark = all.get("benchmark");
    assertEquals(1, benchmark.get("sections").size());
    assertTrue(benchmark.get("score").isNull());
    assertTrue(benchmark.at("/unscored/Ties").asText().startsWith("none of 1 tied"), run.out());
    String table = eval(rows, "--benchmark", "rewardbench2").out();
    assertTrue(table.contains("rewardbench2 Ties: no score: none of 1 tied"), table);
  }

  /** A head whose score overflows where a response ends with a letter behind y, and only there. */
  private static Path overflowing(Path folder) throws IOException {
    return TinyModel.writeReadout(
        folder, "{\"kind\": \"identity\", \"mean\": 0, \"deviation\": 0}", 2.8e36f, 0);
  }

  /** Infinity would win or lose every comparison: such a row is neither right nor wrong. */
  @Test
  void rowsWithoutFiniteScoresAreInNoFigureButThatOfFailedRows(@TempDir Path folder)
      throws IOException {
    Path model = overflowing(folder.resolve("model"));
    for (String more : List.of("", "rewardbench")) {
      List<String> options = new ArrayList<>(List.of("--json", "--model", model.toString()));
      if (!more.isEmpty()) {
        options.addAll(List.of("--benchmark", more));
      }
      String[] given = options.toArray(String[]::new);
      Run all = eval(OVERFLOWING + FINITE, given);
      assertEquals(ExitCode.ROWS_FAILED, all.exitCode());
      for (String said :
          List.of("line 1: its scores are [Infinity, ", "line 2: its scores are [")) {
        assertTrue(all.err().contains("left out " + said), all.err());
      }
      assertEquals(2, object(all).get("failed").asInt());
      assertEquals(2, object(all).get("n").asInt());
      assertEquals(object(eval(FINITE, given)).put("failed", 2), object(all));
      Run none = eval(OVERFLOWING, given);
      assertTrue(object(none).get("accuracy").isNull(), none.out());
      assertEquals(2, object(none).get("failed").asInt());
      assertEquals(ExitCode.ROWS_FAILED, none.exitCode());
    }
    String table = eval(OVERFLOWING + FINITE, "--model", model.toString()).out();
    assertTrue(table.contains("rows not scored: 2;"), table);
  }

  @Test
  void rowsOfACacheWithoutFiniteScoresAreLeftOutAsThoseOfTexts(@TempDir Path folder)
      throws IOException {
    Path model = overflowing(folder.resolve("model"));
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), OVERFLOWING + FINITE);
    Path cache = folder.resolve("cache");
    Run cached =
        Run.of(
            "cache",
            "--input",
            rows + "",
            "--output",
            cache + "",
            "--model",
            model + "",
            "--order",
            "drawn");
    assertEquals(ExitCode.DONE, cached.exitCode(), cached.err());
    Run found = Run.of("eval", "--input", cache + "", "--model", model + "", "--json");
    assertEquals(ExitCode.ROWS_FAILED, found.exitCode());
    assertTrue(found.err().contains("left out line 2: its scores are ["), found.err());
    assertEquals(eval(OVERFLOWING + FINITE, "--json", "--model", model + "").json(), found.json());
  }
}
