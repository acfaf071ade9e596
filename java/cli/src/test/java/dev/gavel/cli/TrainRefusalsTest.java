package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code gavel train} does not take. */
class TrainRefusalsTest {
  @TempDir private Path folder;

  private Path file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  @Test
  void aDeviceThatIsNotThereIsTheEnvironment() throws IOException {
    String data = file("pairs.jsonl", Preferences.pairs(10)).toString();
    Run absent =
        Run.of("train", "--input", data, "--loss", "bt", "--folds", "2", "--device", "cuda:77");
    assertEquals(ExitCode.ENVIRONMENT, absent.exitCode(), absent.err());
    assertTrue(absent.err().contains("cuda:77 cannot be used"), absent.err());
    Run unknown =
        Run.of("train", "--input", data, "--loss", "bt", "--folds", "2", "--device", "gpu");
    assertEquals(ExitCode.USAGE, unknown.exitCode(), unknown.err());
  }

  @Test
  void badRowsAreAnErrorUnlessTheyMayBeLeftOut() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(20) + "{\"prompt\":\"p\",\"chosen\":\"\"}\n");
    Path model = folder.resolve("model");
    Run refused = TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1");
    assertEquals(ExitCode.USAGE, refused.exitCode());
    assertTrue(refused.err().contains("line 21: chosen"), refused.err());
    Run allowed =
        TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1", "--skip-bad-rows");
    assertEquals(ExitCode.DONE, allowed.exitCode(), allowed.err());
    assertTrue(allowed.err().contains("left out line 21"), allowed.err());
    String card = Files.readString(model.resolve("MODEL_CARD.md"));
    assertTrue(card.contains("1 that cannot be used"), card);
  }

  @Test
  void optionsWithoutWhatTheyChangeAreRefused() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(20));
    Run nothing = Run.of("train", "--input", data + "", "--loss", "bt", "--folds", "2", "--force");
    assertEquals(ExitCode.USAGE, nothing.exitCode(), nothing.err());
    assertTrue(nothing.err().contains("--force"), nothing.err());
    Path model = folder.resolve("model");
    String[] alone = {"--loss", "bt", "--layout", "independent", "--reversed"};
    Run noOrder = TrainCommandTest.train(data, model, alone);
    assertEquals(ExitCode.USAGE, noOrder.exitCode(), noOrder.err());
    assertTrue(noOrder.err().contains("--reversed without layout joint"), noOrder.err());
    assertFalse(Files.exists(model));
  }

  @Test
  void rowsWithoutTokensAreBadRowsWhateverTheirLabels() throws IOException {
    String hopeless = "{\"prompt\":\"p\",\"responses\":[\"b\",\"\\u200b\"],\"scores\":[%s]}\n";
    Path data =
        file(
            "pairs.jsonl",
            hopeless.formatted("1,0") + hopeless.formatted("1,1") + Preferences.pairs(20));
    Path model = folder.resolve("model");
    Run refused = TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1");
    assertEquals(ExitCode.USAGE, refused.exitCode());
    assertTrue(refused.err().contains("2 rows cannot be used, the first in line 1"), refused.err());
    Run allowed =
        TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1", "--skip-bad-rows");
    assertEquals(ExitCode.DONE, allowed.exitCode(), allowed.err());
    assertTrue(allowed.err().contains("left out line 2"), allowed.err());
    String card = Files.readString(model.resolve("MODEL_CARD.md"));
    assertTrue(card.contains("0 without one, 2 that cannot be used"), card);
  }

  @Test
  void aModelFolderIsReplacedOnlyWithForce() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(6));
    Path model = Files.createDirectory(folder.resolve("model"));
    Path kept = Files.writeString(model.resolve("notes.txt"), "mine");
    Path begun = model.resolve(".model.safetensors.9437c411-9aa7-4c72-b147-34b5918423ca.tmp");
    assertEquals(
        ExitCode.USAGE,
        TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1").exitCode());
    assertEquals(List.of("notes.txt"), TrainCommandTest.names(model));
    Files.createFile(begun);
    assertEquals(
        ExitCode.DONE,
        TrainCommandTest.train(data, model, "--loss", "bt", "--epochs", "1", "--force").exitCode());
    assertEquals("mine", Files.readString(kept));
    assertEquals(7, TrainCommandTest.names(model).size());
  }

  @Test
  void aFolderThatCannotBeWrittenIsToldBeforeAnyWork() throws IOException {
    // It exists, may be "replaced", and nobody makes files here, not even the administrator.
    Path system = Path.of("/proc/self");
    assumeTrue(Files.isDirectory(system), "skipped: this system has no /proc");
    // A row that cannot be used would be told first by a command that begins to work first.
    Path data = file("bad.jsonl", "{broken\n");
    Run run = TrainCommandTest.train(data, system, "--loss", "bt", "--force");
    assertEquals(ExitCode.ENVIRONMENT, run.exitCode(), run.err());
    assertTrue(run.err().contains("cannot be written"), run.err());
    Path model = folder.resolve("model");
    assertEquals(ExitCode.USAGE, TrainCommandTest.train(data, model, "--loss", "bt").exitCode());
    assertFalse(Files.exists(model));
  }

  @Test
  void trainingThatDivergesLeavesNoFolder() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(20));
    Path model = folder.resolve("model");
    Run run = TrainCommandTest.train(data, model, "--loss", "bt", "--learning-rate", "1e30");
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("training has diverged"), run.err());
    assertFalse(Files.exists(model));
    // A folder that was there stays.
    Files.createDirectory(model);
    assertEquals(
        ExitCode.USAGE,
        TrainCommandTest.train(data, model, "--loss", "bt", "--learning-rate", "1e30").exitCode());
    assertEquals(List.of(), TrainCommandTest.names(model));
  }

  @Test
  void aRowThatDoesNotFitTheLossIsAnError() throws IOException {
    Path data =
        file(
            "ties.jsonl",
            """
            {"prompt":"p","responses":["a","b"],"scores":[1,1]}
            {"prompt":"p","responses":["a","b","c"],"rankings":[1,2,2]}
            """);
    for (String loss : List.of("pl", "bce", "step")) {
      Path model = folder.resolve(loss);
      Run run = TrainCommandTest.train(data, model, "--loss", loss, "--holdout", "0");
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains("line 2: a row with the labels [-1.0, -2.0, -2.0]"), run.err());
      assertFalse(Files.exists(model.resolve("config.json")));
    }
  }

  /** JSON writes f64, and a target of an f32 score is f32. */
  @Test
  void aTargetBeyondTheRangeOfScoresIsAnError() throws IOException {
    Path data =
        file("big.jsonl", "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"scores\":[1e39,0]}\n");
    for (String loss : List.of("mse", "pinball")) {
      Path model = folder.resolve(loss);
      Run run = TrainCommandTest.train(data, model, "--loss", loss, "--holdout", "0");
      assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
      assertTrue(run.err().contains("labels [1.0E39, 0.0] has labels that are beyond"), run.err());
      assertFalse(Files.exists(model.resolve("config.json")));
    }
  }

  @Test
  void wrongOptionsAreToldBeforeAnyWork() throws IOException {
    Path data = file("pairs.jsonl", Preferences.pairs(6));
    Path model = folder.resolve("model");
    List<String[]> wrong =
        List.of(
            new String[] {},
            new String[] {"--loss", "listnet"},
            new String[] {"--loss", "bt", "--zeta", "4"},
            new String[] {"--loss", "bt", "--levels", "5"},
            new String[] {"--loss", "ordinal", "--levels", "1"},
            new String[] {"--loss", "mse", "--label-smoothing", "0.1"},
            new String[] {"--loss", "pinball", "--quantile", "1"},
            new String[] {"--loss", "pl", "--top-k", "-1"},
            new String[] {"--loss", "bt", "--temperature", "2"},
            new String[] {"--loss", "ce", "--beta", "2"},
            new String[] {"--loss", "bt", "--pooling", "mean"},
            new String[] {"--loss", "bt", "--hidden", "0"},
            new String[] {"--loss", "bt", "--hidden", "64,32"},
            new String[] {"--loss", "bt", "--activation", "prelu"},
            new String[] {"--loss", "bt", "--norm", "batch"},
            new String[] {"--loss", "bt", "--epochs", "0"},
            new String[] {"--loss", "bt", "--batch-size", "-1"},
            new String[] {"--loss", "bt", "--learning-rate", "NaN"},
            new String[] {"--loss", "bt", "--weight-decay", "-1"},
            new String[] {"--loss", "bt", "--label-smoothing", "1.5"},
            new String[] {"--loss", "bt", "--init-deviation", "-1"},
            new String[] {"--loss", "bt", "--output-scale", "0"},
            new String[] {"--loss", "bt", "--holdout", "1"},
            new String[] {"--loss", "bt", "--holdout", "NaN"},
            new String[] {"--loss", "bt", "--folds", "1"},
            new String[] {"--loss", "bt", "--layout", "joint,joint"},
            new String[] {"--loss", "bt", "--prompt-tokens", "0"});
    for (String[] options : wrong) {
      Run run = TrainCommandTest.train(data, model, options);
      assertEquals(ExitCode.USAGE, run.exitCode(), String.join(" ", options) + ": " + run.err());
      assertFalse(Files.exists(model), String.join(" ", options));
    }
    Run neither = Run.of("train", "--input", data.toString(), "--loss", "bt");
    assertEquals(ExitCode.USAGE, neither.exitCode());
  }

  @Test
  void dataThatCannotBeReadTwiceAreRefused() {
    Path model = folder.resolve("model");
    Run run = Run.of("train", "--loss", "bt", "--input", "/dev/null", "--out", model + "");
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains("--input /dev/null is a pipe or a device"), run.err());
    assertFalse(Files.exists(model));
  }
}
