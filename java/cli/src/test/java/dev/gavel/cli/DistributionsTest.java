package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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

/**
 * Heads whose scores are means of distributions: what is behind a score comes out beside it. The
 * hidden state of token t is [t, t / 3], and the last token of a response is read.
 */
class DistributionsTest {
  private static final String LEVELS = "{\"kind\": \"expectation\", \"levels\": [1, 2, 4]}";
  private static final String QUANTILES = "{\"kind\": \"quantile_mean\", \"quantiles\": 2}";
  private static final float[] THREE = {0.01f, 0, 0, 0.02f, 0, 0};
  private static final float[] TWO = {0.5f, 0, 0, -0.25f};
  private static final float[] FOUR = {0.5f, 0, 0, -0.25f, 1, 0, 2, 0};
  private static final String ROWS =
      """
      {"id":1,"prompt":"p","responses":["a","bz"]}
      {"id":2,"prompt":"p","responses":[""]}
      """;

  @TempDir private Path folder;

  private Run score(Path model, String... more) {
    List<String> arguments = new ArrayList<>(List.of("score", "--input", "-"));
    arguments.addAll(List.of("--model", model.toString()));
    arguments.addAll(List.of(more));
    return Run.withInput(ROWS, arguments.toArray(String[]::new));
  }

  /** Mean and variance of the levels 1, 2 and 4 under the softmax of the head's logits. */
  private static double[] moments(char token) {
    double[] levels = {1, 2, 4};
    double[] odds = {Math.exp(0.01 * token), Math.exp(0.02 * token / 3), 1};
    double sum = odds[0] + odds[1] + odds[2];
    double mean = 0;
    double square = 0;
    for (int i = 0; i < 3; i++) {
      mean += levels[i] * odds[i] / sum;
      square += levels[i] * levels[i] * odds[i] / sum;
    }
    return new double[] {mean, square - mean * mean};
  }

  @Test
  void anExpectationHasItsVariance() throws IOException {
    Run run = score(TinyModel.writeReadout(folder, LEVELS, THREE));
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    JsonNode first = run.json().getFirst();
    assertEquals("expectation", first.get("readout").asText());
    assertEquals(2, first.get("score_variance").size());
    char[] last = {'a', 'z'};
    for (int i = 0; i < last.length; i++) {
      assertEquals(moments(last[i])[0], first.get("scores").get(i).asDouble(), 1e-5);
      assertEquals(moments(last[i])[1], first.get("score_variance").get(i).asDouble(), 1e-5);
    }
    assertTrue(!run.json().get(1).has("score_variance"));
    assertTrue(!first.has("objectives"), first.toString());
  }

  @Test
  void aMeanOfQuantilesHasItsQuantiles() throws IOException {
    Run run = score(TinyModel.writeReadout(folder, QUANTILES, TWO));
    JsonNode first = run.json().getFirst();
    assertEquals("quantile_mean", first.get("readout").asText(), run.err());
    JsonNode last = first.get("score_quantiles").get(1);
    assertEquals(2, last.size());
    assertEquals(0.5 * 'z', last.get(0).asDouble(), 1e-4);
    assertEquals(-0.25 * 'z' / 3, last.get(1).asDouble(), 1e-4);
    assertEquals(
        (last.get(0).asDouble() + last.get(1).asDouble()) / 2,
        first.get("scores").get(1).asDouble(),
        1e-4);
  }

  /** Two objectives of two quantiles each: one is the score, and has what is behind it, too. */
  @Test
  void everyObjectiveHasWhatIsBehindIt() throws IOException {
    Path model = TinyModel.writeReadout(folder, QUANTILES, FOUR);
    assertEquals(ExitCode.USAGE, score(model).exitCode());
    JsonNode first = score(model, "--objective", "objective_1").json().getFirst();
    assertEquals(first.get("objectives").get("objective_1"), first.get("scores"));
    assertEquals(first.get("objective_quantiles").get("objective_1"), first.get("score_quantiles"));
    JsonNode other = first.get("objective_quantiles").get("objective_0").get(0);
    assertEquals(0.5 * 'a', other.get(0).asDouble(), 1e-4);
    assertEquals(-0.25 * 'a' / 3, other.get(1).asDouble(), 1e-4);
    assertEquals(2.0 * 'a', first.get("score_quantiles").get(0).get(1).asDouble(), 1e-4);
    Path levels =
        TinyModel.writeReadout(
            folder.resolve("levels"), LEVELS, 0.01f, 0, 0, 0.02f, 0, 0, 0, 0, 0, 0, 0, 0);
    JsonNode two = score(levels, "--objective", "objective_0").json().getFirst();
    assertEquals(two.get("objective_variances").get("objective_0"), two.get("score_variance"));
    assertEquals(
        14.0 / 9, two.get("objective_variances").get("objective_1").get(0).asDouble(), 1e-5);
  }

  @Test
  void quantilesThatAreNoGroupsOfTheHeadAreRefused() throws IOException {
    String three = "{\"kind\": \"quantile_mean\", \"quantiles\": 3}";
    Run run = score(TinyModel.writeReadout(folder, three, TWO));
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("they must be groups of 3"), run.err());
    Run none = score(TinyModel.writeReadout(folder, three.replace('3', '0'), TWO));
    assertTrue(none.err().contains("there must be 1 or more"), none.err());
  }

  /** The bytes of a run on the texts, from vectors. */
  @Test
  void aCacheGivesTheSameBytes() throws IOException {
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), ROWS);
    @SuppressWarnings("ArrayRecordComponent") // read once
    record Case(String readout, float[] weights, List<String> options) {}
    List<Case> cases =
        List.of(
            new Case(LEVELS, THREE, List.of()),
            new Case(QUANTILES, TWO, List.of()),
            new Case(QUANTILES, FOUR, List.of("--objective", "objective_0")));
    for (int i = 0; i < cases.size(); i++) {
      Path model =
          TinyModel.writeReadout(
              folder.resolve("m" + i), cases.get(i).readout(), cases.get(i).weights());
      Path cache = folder.resolve("cache" + i);
      List<Path> outputs = new ArrayList<>();
      run("cache", rows, cache, model, cases.get(i).options());
      for (Path input : List.of(rows, cache)) {
        Path output = folder.resolve("%d-%s".formatted(i, input.getFileName()));
        run("score", input, output, model, cases.get(i).options());
        outputs.add(output);
      }
      assertArrayEquals(
          Files.readAllBytes(outputs.getFirst()), Files.readAllBytes(outputs.getLast()));
    }
  }

  private static void run(
      String command, Path input, Path output, Path model, List<String> options) {
    List<String> arguments = new ArrayList<>(List.of(command, "--input", input.toString()));
    arguments.addAll(List.of("--output", output.toString(), "--model", model.toString()));
    arguments.addAll(options);
    Run run = Run.of(arguments.toArray(String[]::new));
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
  }

  @Test
  void parquetHasThemAsColumns() throws Exception {
    Path rows = Files.writeString(folder.resolve("rows.jsonl"), ROWS);
    Path output = folder.resolve("levels.parquet");
    run(
        "score",
        rows,
        output,
        TinyModel.writeReadout(folder.resolve("l"), LEVELS, THREE),
        List.of());
    List<Group> read = ParquetFile.rows(output);
    Group variance = read.getFirst().getGroup("score_variance", 0);
    assertEquals((float) moments('z')[1], variance.getGroup(0, 1).getFloat(0, 0), 1e-5f);
    assertEquals(0, read.get(1).getFieldRepetitionCount("score_variance"));
    assertTrue(!read.getFirst().getType().containsField("score_quantiles"));
    Path two = folder.resolve("two.parquet");
    Path levels =
        TinyModel.writeReadout(folder.resolve("t"), LEVELS, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    run("score", rows, two, levels, List.of("--objective", "objective_1"));
    Group variances = ParquetFile.rows(two).getFirst().getGroup("objective_variances", 0);
    assertEquals(
        (float) (14.0 / 9),
        variances.getGroup("objective_1", 0).getGroup(0, 0).getFloat(0, 0),
        1e-5f);
    assertTrue(!ParquetFile.rows(two).getFirst().getType().containsField("objective_quantiles"));
    Path lists = folder.resolve("quantiles.parquet");
    Path model = TinyModel.writeReadout(folder.resolve("q"), QUANTILES, FOUR);
    run("score", rows, lists, model, List.of("--objective", "objective_0"));
    Group first = ParquetFile.rows(lists).getFirst();
    Group scores = first.getGroup("score_quantiles", 0).getGroup(0, 1).getGroup(0, 0);
    assertEquals(0.5f * 'z', scores.getGroup(0, 0).getFloat(0, 0), 1e-4f);
    Group named = first.getGroup("objective_quantiles", 0).getGroup("objective_1", 0);
    assertEquals(
        2f * 'z', named.getGroup(0, 1).getGroup(0, 0).getGroup(0, 1).getFloat(0, 0), 1e-4f);
    assertTrue(!first.getType().containsField("objective_variances"));
  }
}
