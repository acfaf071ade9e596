package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code gavel train} makes. */
class TrainCommandTest {
  @TempDir private Path folder;

  private Path file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  /** Trains from a file into a folder. */
  static Run train(Path data, Path out, String... more) {
    List<String> command =
        new ArrayList<>(List.of("train", "--input", data.toString(), "--out", out.toString()));
    command.addAll(List.of(more));
    return Run.of(command.toArray(String[]::new));
  }

  /** What a folder holds. */
  static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void learnsFromPairsAndTheSameSeedGivesTheSameBytes() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(40));
    Path one = folder.resolve("one");
    Path two = folder.resolve("two");
    String[] options = {
      "--loss", "bt", "--name", "polite", "--layout", "joint,independent", "--learning-rate", "1e-3"
    };
    Run run = train(data, one, options);
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    List<String> more = new ArrayList<>(List.of(options));
    more.addAll(List.of("--threads", "1"));
    train(data, two, more.toArray(String[]::new));
    List<String> files =
        List.of(
            "MODEL_CARD.md",
            "config.json",
            "learning-curve.json",
            "learning-curve.svg",
            "model.safetensors",
            "training-log.jsonl");
    assertEquals(files, names(one));
    for (String name : files) {
      assertArrayEquals(
          Files.readAllBytes(one.resolve(name)), Files.readAllBytes(two.resolve(name)), name);
    }
    Path other = folder.resolve("other");
    train(data, other, "--loss", "bt", "--name", "polite", "--seed", "1");
    assertFalse(
        java.util.Arrays.equals(
            Files.readAllBytes(one.resolve("model.safetensors")),
            Files.readAllBytes(other.resolve("model.safetensors"))));

    List<JsonNode> log = Run.json(one.resolve("training-log.jsonl"));
    assertEquals("start", log.getFirst().get("event").asText());
    List<JsonNode> epochs =
        log.stream().filter(line -> line.get("event").asText().equals("epoch")).toList();
    assertEquals(15, epochs.size());
    assertTrue(
        epochs.getLast().get("loss").asDouble() < epochs.getFirst().get("loss").asDouble() / 2);
    JsonNode result = log.getLast();
    assertEquals(result.get("rows"), result.get("right"), "rows held out are as easy");
    assertTrue(result.get("rows").asInt() > 3, result.toString());

    String card = Files.readString(one.resolve("MODEL_CARD.md"));
    assertTrue(card.contains("| this model, layout joint |"), card);
    assertTrue(card.contains("| this model, layout independent |"), card);
    assertTrue(card.contains("| length only"), card);
    assertTrue(card.contains("| chance |"), card);

    Run scored =
        Run.withInput(
            "{\"prompt\":\"Tell me about trees.\",\"responses\":[\"No. Go away, I hate trees and I"
                + " hate you.\",\"Of course! Here is what I know about trees.\"]}\n",
            "score",
            "--input",
            "-",
            "--model",
            one.toString());
    assertEquals(ExitCode.DONE, scored.exitCode(), scored.err());
    assertEquals(1, scored.json().get(0).get("best").asInt());
    assertEquals("polite", scored.json().get(0).get("model").asText());
  }

  @Test
  void evaluationAgreesWithTheCardOfTheModel() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(60));
    Path model = folder.resolve("model");
    // Hardly trained, so that there is something to disagree about.
    train(data, model, "--loss", "bt", "--epochs", "1", "--holdout", "0.5");
    String card = Files.readString(model.resolve("MODEL_CARD.md"));
    assertTrue(card.contains(", 1 epoch, batch "), card);
    for (JsonNode result :
        Run.json(model.resolve("training-log.jsonl")).stream()
            .filter(line -> line.get("event").asText().equals("evaluation"))
            .toList()) {
      Run eval =
          Run.of(
              "eval",
              "--input",
              data.toString(),
              "--model",
              model.toString(),
              "--layout",
              result.get("layout").asText(),
              "--part",
              "evaluation",
              "--holdout",
              "0.5",
              "--json");
      assertEquals(ExitCode.DONE, eval.exitCode(), eval.err());
      assertEquals(result.get("rows"), eval.json().get(0).get("n"));
      assertEquals(result.get("right"), eval.json().get(0).get("right"));
    }
  }

  /**
   * A head with a logit per level is written with its levels, and read out by them from then on.
   */
  @Test
  void levelsOfAnOrdinalHeadAreKept() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(60));
    Path model = folder.resolve("model");
    Run run =
        train(
            data, model, "--loss", "ordinal", "--levels", "5", "--epochs", "2", "--holdout", "0.5");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    JsonNode readout = Run.parse(Files.readString(model.resolve("config.json"))).get("readout");
    assertEquals("{\"kind\":\"expectation\",\"levels\":[1.0,2.0,3.0,4.0,5.0]}", readout.toString());
    Run eval =
        Run.of(
            "eval",
            "--input",
            data.toString(),
            "--model",
            model.toString(),
            "--part",
            "evaluation",
            "--holdout",
            "0.5",
            "--json");
    assertEquals(ExitCode.DONE, eval.exitCode(), eval.err());
    JsonNode result =
        Run.json(model.resolve("training-log.jsonl")).stream()
            .filter(line -> line.get("event").asText().equals("evaluation"))
            .findFirst()
            .orElseThrow();
    assertEquals(result.get("rows"), eval.json().get(0).get("n"));
    assertEquals(result.get("right"), eval.json().get(0).get("right"));
    Run scored =
        Run.withInput(
            "{\"id\":1,\"prompt\":\"Hi\",\"responses\":[\"Yes.\",\"No.\"]}\n",
            "score",
            "--input",
            "-",
            "--model",
            model.toString());
    assertEquals(ExitCode.DONE, scored.exitCode(), scored.err());
    assertEquals("expectation", scored.json().get(0).get("readout").asText());
    for (JsonNode score : scored.json().get(0).get("scores")) {
      assertTrue(score.asDouble() > 1 && score.asDouble() < 5, score.toString());
    }
  }

  @Test
  void learnsFromGroupsWithCrossEntropy() throws IOException {
    Path data = file("groups.jsonl", Preferences.groups(40));
    Path model = folder.resolve("model");
    Run run =
        train(
            data,
            model,
            "--loss",
            "ce",
            "--label-smoothing",
            "0.1",
            "--layout",
            "independent",
            "--learning-rate",
            "1e-3",
            "--hidden",
            "32x16",
            "--activation",
            "tanh");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    JsonNode result = Run.json(model.resolve("training-log.jsonl")).getLast();
    assertEquals("independent", result.get("layout").asText());
    assertEquals(result.get("rows"), result.get("right"));
  }

  @Test
  void comparesChoicesWithFolds() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(30));
    Run run =
        Run.of(
            "train",
            "--input",
            data.toString(),
            "--loss",
            "bt",
            "--folds",
            "3",
            "--hidden",
            "none,16",
            "--pooling",
            "span_mean,first_last_concat",
            "--epochs",
            "2",
            "--holdout",
            "0");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(5, lines.size(), run.out());
    assertTrue(lines.get(0).startsWith("3 folds of 30 rows"), run.out());
    assertEquals(
        4, lines.stream().skip(1).map(l -> l.replaceAll(".*\\)  ", "")).distinct().count());
    assertTrue(
        lines.stream().skip(1).allMatch(l -> l.matches("joint .* %.*  independent .* %.*")),
        run.out());
  }

  @Test
  void foldsMeasureRowsThatWereNotLearnedFrom() throws IOException {
    // The better response is drawn by lot: it can be remembered, never foreseen.
    StringBuilder rows = new StringBuilder();
    SplittableRandom lot = new SplittableRandom(11);
    for (int i = 0; i < 40; i++) {
      rows.append(
          "{\"prompt\":\"question %d\",\"chosen\":\"word %d\",\"rejected\":\"word %d\"}\n"
              .formatted(i, lot.nextInt(100_000), lot.nextInt(100_000)));
    }
    Run run =
        Run.of(
            "train",
            "--input",
            file("lots.jsonl", rows.toString()).toString(),
            "--loss",
            "bt",
            "--folds",
            "2",
            "--holdout",
            "0",
            "--epochs",
            "200",
            "--learning-rate",
            "1e-2",
            "--layout",
            "independent");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    Matcher accuracy = Pattern.compile("independent ([0-9.]+) %").matcher(run.out());
    assertTrue(accuracy.find(), run.out());
    // Remembering gives 100 %; 80 % is nearly four standard deviations above one half.
    assertTrue(Double.parseDouble(accuracy.group(1)) < 80, run.out());
  }
}
