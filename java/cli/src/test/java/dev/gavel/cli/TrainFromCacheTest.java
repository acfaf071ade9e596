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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training on the vectors of a cache. */
class TrainFromCacheTest {
  @TempDir private Path folder;

  private static Run train(Path data, Path out, String... more) {
    List<String> command =
        new ArrayList<>(List.of("train", "--input", data.toString(), "--out", out.toString()));
    command.addAll(List.of("--loss", "bt", "--epochs", "6", "--name", "m", "--holdout", "0.3"));
    command.addAll(List.of(more));
    return Run.of(command.toArray(String[]::new));
  }

  @Test
  void theHeadHasTheBytesOfOneThatWasTrainedOnTheTexts() throws IOException {
    Path data = Files.writeString(folder.resolve("pairs.jsonl"), Preferences.pairs(60));
    Path cache = folder.resolve("cache");
    // The budget train gives texts where none is named.
    Run cached =
        Run.of(
            "cache",
            "--input",
            data.toString(),
            "--output",
            cache.toString(),
            "--pooling",
            "span_mean",
            "--order",
            "drawn",
            "--layout",
            "joint",
            "--prompt-tokens",
            "64",
            "--response-tokens",
            "512");
    assertEquals(ExitCode.DONE, cached.exitCode(), cached.err());
    String[] options = {"--validation", "0.2", "--patience", "3"};
    Path text = folder.resolve("text");
    Path vectors = folder.resolve("vectors");
    assertEquals(ExitCode.DONE, train(data, text, options).exitCode());
    Run run = train(cache, vectors, options);
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    for (String name :
        List.of("model.safetensors", "config.json", "learning-curve.json", "learning-curve.svg")) {
      assertArrayEquals(
          Files.readAllBytes(text.resolve(name)), Files.readAllBytes(vectors.resolve(name)), name);
    }
    assertFalse(Files.exists(vectors.resolve("checkpoint")));
    JsonNode curve = Run.parse(Files.readString(vectors.resolve("learning-curve.json")));
    assertEquals(6, curve.get("epochs_planned").asInt());
    assertTrue(curve.at("/epochs/0/validation_rows").asInt() > 3, curve.toString());
    assertTrue(Files.readString(vectors.resolve("learning-curve.svg")).startsWith("<svg"));
    // In layout joint, the log agrees with that of the texts, and eval with both.
    JsonNode joint = evaluation(text);
    assertEquals(joint, evaluation(vectors));
    Run eval =
        Run.of(
            "eval",
            "--input",
            cache.toString(),
            "--model",
            vectors.toString(),
            "--part",
            "evaluation",
            "--holdout",
            "0.3",
            "--json");
    assertEquals(ExitCode.DONE, eval.exitCode(), eval.err());
    assertEquals(joint.get("right"), eval.json().getFirst().get("right"));
    assertEquals(joint.get("rows"), eval.json().getFirst().get("n"));

    Run complete = train(cache, vectors, "--resume", "--validation", "0.2", "--patience", "3");
    assertEquals(ExitCode.DONE, complete.exitCode(), complete.err());
    assertTrue(complete.err().contains("complete already"), complete.err());
    // Of a run that was killed when all was written.
    Files.createFile(Files.createDirectory(vectors.resolve("checkpoint")).resolve("lock"));
    Path tried = Files.createFile(vectors.resolve(".gavel-17.tmp"));
    Run tidied = train(cache, vectors, "--resume", "--validation", "0.2", "--patience", "3");
    assertEquals(ExitCode.DONE, tidied.exitCode(), tidied.err());
    assertFalse(Files.exists(vectors.resolve("checkpoint")));
    assertFalse(Files.exists(tried));
    byte[] head = Files.readAllBytes(vectors.resolve("model.safetensors"));
    Run other = train(cache, vectors, "--resume", "--validation", "0.3", "--patience", "3");
    assertEquals(ExitCode.USAGE, other.exitCode(), other.err());
    assertTrue(other.err().contains("other settings: validation was 0.2, now 0.3."), other.err());
    Run ofTexts = train(data, vectors, "--resume", "--validation", "0.2", "--patience", "3");
    assertEquals(ExitCode.USAGE, ofTexts.exitCode(), ofTexts.err());
    assertTrue(ofTexts.err().contains("data was cache.json, sha256 "), ofTexts.err());
    Files.writeString(vectors.resolve("training-log.jsonl"), "{}\n");
    Run unknown = train(cache, vectors, "--resume", "--validation", "0.2", "--patience", "3");
    assertEquals(ExitCode.USAGE, unknown.exitCode(), unknown.err());
    assertTrue(unknown.err().contains("does not tell with which settings"), unknown.err());
    assertArrayEquals(head, Files.readAllBytes(vectors.resolve("model.safetensors")));
    for (String[] wrong :
        new String[][] {
          {"--layout", "independent"},
          {"--pooling", "index"},
          {"--reversed"},
          {"--prompt-tokens", "3"},
          {"--patience", "3"},
          {"--validation", "1"}
        }) {
      Run refused = train(cache, folder.resolve("none"), wrong);
      assertEquals(ExitCode.USAGE, refused.exitCode(), refused.err());
      assertFalse(Files.exists(folder.resolve("none")));
    }
  }

  private static JsonNode evaluation(Path model) {
    return Run.json(model.resolve("training-log.jsonl")).stream()
        .filter(line -> line.path("layout").asText().equals("joint"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void placesThatTellWhichIsBetterAreNotLearnedFrom() throws IOException {
    Path model = TinyModel.write(folder.resolve("model"));
    Path data = Files.writeString(folder.resolve("pairs.jsonl"), Preferences.pairs(20));
    Path cache = folder.resolve("cache");
    Run.of("cache", "--model", model + "", "--input", data + "", "--output", cache + "");
    Run refused = train(cache, folder.resolve("out"));
    assertEquals(ExitCode.USAGE, refused.exitCode());
    assertTrue(refused.err().contains("--order drawn"), refused.err());

    // A backbone of one's own: the model folder lacks its files, and says so.
    Path alone = folder.resolve("alone");
    Run.of(
        "cache",
        "--model",
        model + "",
        "--layout",
        "independent",
        "--input",
        data + "",
        "--output",
        alone + "");
    Path out = folder.resolve("out");
    Run trained = train(alone, out, "--hidden", "none", "--norm", "none");
    assertEquals(ExitCode.DONE, trained.exitCode(), trained.err());
    assertTrue(trained.err().contains("put model.onnx and tokenizer.json"), trained.err());
    for (String file : List.of("model.onnx", "tokenizer.json")) {
      Files.copy(model.resolve(file), out.resolve(file));
    }
    Path text = folder.resolve("text.jsonl");
    Path cached = folder.resolve("cached.jsonl");
    Run.of("score", "--model", out + "", "--input", data + "", "--output", text + "");
    Run scored =
        Run.of("score", "--model", out + "", "--input", alone + "", "--output", cached + "");
    assertEquals(ExitCode.DONE, scored.exitCode(), scored.err());
    assertArrayEquals(Files.readAllBytes(text), Files.readAllBytes(cached));
  }

  /** An accuracy of 0 % would be of no row, and of no head. */
  @Test
  void foldsThatLeaveNothingToLearnFromAreRefused() throws IOException {
    Path model = TinyModel.write(folder.resolve("tiny"));
    String row = "{\"prompt\":\"same\",\"responses\":[\"a\",\"b\"],\"scores\":[1,0]}\n";
    Path data = Files.writeString(folder.resolve("same.jsonl"), row.repeat(3));
    String cache = folder.resolve("same.cache").toString();
    Run cached =
        Run.of(
            "cache",
            "--model",
            model.toString(),
            "--input",
            data.toString(),
            "--output",
            cache,
            "--order",
            "drawn");
    assertEquals(ExitCode.DONE, cached.exitCode(), cached.err());
    Run run = Run.of("train", "--input", cache, "--loss", "bt", "--folds", "2", "--holdout", "0");
    assertEquals(ExitCode.USAGE, run.exitCode(), run.out());
    assertTrue(run.err().contains("--folds 2: the prompts of all rows"), run.err());
  }

  /** Steps too small to change the head: all losses are the same, and the first epoch is kept. */
  @Test
  void theCardSaysWhetherTrainingStoppedEarly() throws IOException {
    Path tiny = TinyModel.write(folder.resolve("tiny"));
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      rows.append(
          "{\"prompt\":\"p%d\",\"responses\":[\"a\",\"b\"],\"scores\":[1,0]}\n".formatted(i));
    }
    Path data = Files.writeString(folder.resolve("rows.jsonl"), rows);
    Path cache = folder.resolve("rows.cache");
    Run cached =
        Run.of(
            "cache",
            "--model",
            tiny.toString(),
            "--input",
            data.toString(),
            "--output",
            cache.toString(),
            "--order",
            "drawn");
    assertEquals(ExitCode.DONE, cached.exitCode(), cached.err());
    for (int patience : new int[] {2, 6}) {
      Path out = folder.resolve("out" + patience);
      Run run =
          train(
              cache,
              out,
              "--learning-rate",
              "1e-20",
              "--validation",
              "0.5",
              "--patience",
              Integer.toString(patience));
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      String card = Files.readString(out.resolve("MODEL_CARD.md"));
      assertTrue(card.contains("epoch chosen: 1, "), card);
      assertEquals(patience == 2, card.contains("stopped after 2 epochs"), card);
      assertEquals(patience == 6, card.contains("; all 6 epochs were run"), card);
    }
  }
}
