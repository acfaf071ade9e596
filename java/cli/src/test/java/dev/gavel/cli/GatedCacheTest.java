package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.Safetensors;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches for heads with a gate, and for those of several objectives. */
class GatedCacheTest {
  private static final String ROWS =
      """
      {"id":1,"prompt":"one two","responses":["three","four five."],"scores":[1,0],"subset":"a"}
      {"id":2,"prompt":"p","responses":[""]}
      {"id":3,"prompt":"why","responses":["so","because","no"],"scores":[2,0,1],"subset":"b"}
      """;

  @TempDir private Path folder;

  private Path rows() throws IOException {
    return Files.writeString(folder.resolve("rows.jsonl"), ROWS);
  }

  private static Run run(
      String command, String in, Path input, String out, Path output, Path model, String... more) {
    List<String> arguments = new ArrayList<>(List.of(command, in, input.toString()));
    arguments.addAll(List.of(out, output.toString(), "--model", model.toString()));
    arguments.addAll(List.of(more));
    return Run.of(arguments.toArray(String[]::new));
  }

  private Path cache(Path model, String name, String... more) throws IOException {
    Path cache = folder.resolve(name);
    Run run = run("cache", "--input", rows(), "--output", cache, model, more);
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    return cache;
  }

  private void requireSameScores(Path model, Path cache, String... more) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path input : List.of(rows(), cache)) {
      Path output = folder.resolve("out-" + input.getFileName());
      Run run = run("score", "--input", input, "--output", output, model, more);
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      found.add(Files.readString(output));
      Files.delete(output);
    }
    assertTrue(found.getFirst().contains("\"objectives\":{"), found.getFirst());
    assertEquals(found.getFirst(), found.getLast());
  }

  /** A gate at a row of its own, and one at the response's; quantiles and variances, too. */
  @Test
  void gatedHeadsScoreCachesWithTheBytesOfScoresFromText() throws IOException {
    for (String name : List.of("armorm", "qrm", "ldl")) {
      Path model = PublishedFixture.into(folder.resolve(name), name);
      Path cache = cache(model, name + ".cache");
      requireSameScores(model, cache);
      JsonNode index = Run.parse(Files.readString(cache.resolve("cache.json")));
      boolean own = !name.equals("ldl");
      assertEquals(own ? 2 : 1, index.get("format_version").asInt());
      assertEquals(own, index.get("settings").has("rows of the gate"), index.toString());
      try (Safetensors shard = Safetensors.open(cache.resolve("vectors-00000.safetensors"))) {
        assertEquals(own, shard.entries().stream().anyMatch(e -> e.name().equals("gate_vectors")));
      }
    }
  }

  /** More vectors than a file begins with room for, and more rows than are scored at once. */
  @Test
  void aLargeGatedCacheHasTheBytesOfScoresFromText() throws IOException {
    Path model = PublishedFixture.into(folder.resolve("armorm"), "armorm");
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      // Bad rows are rows, and cost no run of the backbone.
      many.append("{\n".repeat(i == 6 ? 4096 : 0));
      many.append("{\"prompt\":\"%d\",\"responses\":[".formatted(i));
      many.append("\"so\",".repeat(99)).append("\"no\"]}\n");
    }
    Path rows = Files.writeString(folder.resolve("many.jsonl"), many);
    Path cache = folder.resolve("many.cache");
    Run made = run("cache", "--input", rows, "--output", cache, model);
    assertEquals(ExitCode.ROWS_FAILED, made.exitCode(), made.err());
    List<String> found = new ArrayList<>();
    for (Path input : List.of(rows, cache)) {
      Path output = folder.resolve("out-" + input.getFileName());
      Run scored = run("score", "--input", input, "--output", output, model);
      assertEquals(ExitCode.ROWS_FAILED, scored.exitCode(), scored.err());
      found.add(Files.readString(output));
    }
    assertEquals(found.getFirst(), found.getLast());
  }

  @Test
  void evalOfAGatedCacheAgreesWithEvalOfItsTexts() throws IOException {
    Path model = PublishedFixture.into(folder.resolve("armorm"), "armorm");
    List<JsonNode> results = new ArrayList<>();
    for (Path data : List.of(rows(), cache(model, "drawn", "--order", "drawn"))) {
      Run run = Run.of("eval", "--model", model + "", "--input", data + "", "--json");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      results.addAll(run.json());
    }
    assertEquals(2, results.getFirst().get("n").asInt(), results.toString());
    assertEquals(results.getFirst(), results.getLast());
  }

  @Test
  void severalObjectivesScoreACacheAsTheyDoTexts() throws IOException {
    Path model = TinyModel.writeOfObjectives(folder.resolve("two"), "length", "quality");
    Path cache = cache(model, "two.cache", "--objective", "quality");
    requireSameScores(model, cache, "--objective", "quality");
    requireSameScores(model, cache, "--objective", "length");
  }

  @Test
  void aRunOnACacheDoesNotGoOnWithAnotherObjective() throws IOException {
    Path model = TinyModel.writeOfObjectives(folder.resolve("two"), "length", "quality");
    Path cache = cache(model, "two.cache", "--objective", "quality");
    Path output = folder.resolve("out.jsonl");
    Run first = run("score", "--input", cache, "--output", output, model, "--objective", "quality");
    assertEquals(ExitCode.ROWS_FAILED, first.exitCode(), first.err());
    byte[] scores = Files.readAllBytes(output);
    Run other =
        run(
            "score",
            "--input",
            cache,
            "--output",
            output,
            model,
            "--objective",
            "length",
            "--resume");
    assertEquals(ExitCode.USAGE, other.exitCode(), other.err());
    assertTrue(other.err().contains("objective was quality, now length"), other.err());
    assertArrayEquals(scores, Files.readAllBytes(output));
  }

  /** The pooled vectors of a gated model are those of any other: a head can be trained on them. */
  @Test
  void aHeadIsTrainedOnTheVectorsOfAGatedCache() throws IOException {
    Path model = PublishedFixture.into(folder.resolve("armorm"), "armorm");
    Path cache = cache(model, "armorm.cache");
    Path out = folder.resolve("trained");
    Run run =
        Run.of(
            "train",
            "--input",
            cache.toString(),
            "--out",
            out.toString(),
            "--loss",
            "bt",
            "--epochs",
            "1",
            "--holdout",
            "0",
            "--skip-bad-rows");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    for (String file : List.of("model.onnx", "tokenizer.json", "chat_template.jinja")) {
      if (Files.exists(model.resolve(file))) {
        Files.copy(model.resolve(file), out.resolve(file));
      }
    }
    List<String> found = new ArrayList<>();
    for (Path input : List.of(rows(), cache)) {
      Path output = folder.resolve("out-" + input.getFileName());
      Run scored = run("score", "--input", input, "--output", output, out);
      assertEquals(ExitCode.ROWS_FAILED, scored.exitCode(), scored.err());
      found.add(Files.readString(output));
    }
    assertEquals(found.getFirst(), found.getLast());
  }

  /** A model folder reads the rows of its responses, and cannot say otherwise. */
  @Test
  void aHeadThatWouldReadOtherRowsOfTextsIsNotTrained() throws IOException {
    Path model = PublishedFixture.into(folder.resolve("encoder"), "xlm-roberta");
    Path cache = cache(model, "encoder.cache");
    Run run =
        Run.of("train", "--input", cache + "", "--out", folder.resolve("t") + "", "--loss", "bt");
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("the first of the sequence"), run.err());
  }

  /** A step model and a cache of one vector per response do not go together. */
  @Test
  void stepModelsAreRefused() throws IOException {
    Path model = TinyModel.writeOfSteps(folder.resolve("steps"));
    String reduction = StepReduction.MIN.name().toLowerCase(java.util.Locale.ROOT);
    Run run =
        run(
            "cache",
            "--input",
            rows(),
            "--output",
            folder.resolve("c"),
            model,
            "--step-reduction",
            reduction);
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("a cache keeps a vector per response"), run.err());
  }

  @Test
  void aCacheWithoutTheRowsOfTheGateIsRefused() throws IOException {
    Path model = PublishedFixture.into(folder.resolve("armorm"), "armorm");
    Path cache = cache(model, "armorm.cache");
    Path index = cache.resolve("cache.json");
    String json = Files.readString(index);
    Files.writeString(index, json.replaceAll("\"rows of the gate\" : \"[^\"]*\",", ""));
    Run run = run("score", "--input", cache, "--output", folder.resolve("o"), model);
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("rows of the gate is not there in the cache"), run.err());
  }
}
