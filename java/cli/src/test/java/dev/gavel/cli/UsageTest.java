package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.run.RunSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a wrong command line, or a question about the right one, is answered. */
class UsageTest {
  private static String refused(String... arguments) {
    Run run = Run.of(arguments);
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    return run.err();
  }

  /** The list of commands has the first line of each description only. */
  @Test
  void everyCommandIsSummedUpInAWholeSentence() {
    String help = Run.of("--help").out();
    String commands = help.substring(help.indexOf("Commands:"), help.indexOf("Exit codes:"));
    List<String> summaries =
        Pattern.compile("\\R  (?=[a-z])").splitAsStream(commands.strip()).skip(1).toList();
    assertEquals(7, summaries.size(), commands);
    summaries.forEach(summary -> assertTrue(summary.strip().endsWith("."), summary));
    assertTrue(help.contains("141 "), help);
  }

  @Test
  void aMistypedOptionThatIsRequiredIsNamed() {
    String err = refused("score", "--inputt", "rows.jsonl");
    assertTrue(err.contains("Unknown option"), err);
    assertTrue(err.contains("'--inputt'"), err);
    assertTrue(err.contains("Missing required option: '--input="), err);
    assertTrue(refused("score", "rows.jsonl").contains("'rows.jsonl'"));
  }

  @Test
  void theFormerNameOfInputIsReadButNotOfferedAndNotBesideIt() {
    for (String command : List.of("eval", "train")) {
      String loss = command.equals("train") ? "--loss=bt" : "--seed=0";
      for (String[] former : new String[][] {{"--data", "no file"}, {"--data=no file"}}) {
        List<String> arguments = new ArrayList<>(List.of(command, loss, "--holdout=0.5"));
        arguments.add(command.equals("train") ? "--folds=2" : "--part=training");
        arguments.addAll(List.of(former));
        String err = refused(arguments.toArray(String[]::new));
        assertTrue(err.contains("--input no file: there is no such file"), err);
      }
      for (String first : List.of("--data=a", "--input=a")) {
        for (String second : List.of("--data=a", "--input=a")) {
          String err = refused(command, loss, first, second);
          assertTrue(
              err.contains(
                  (first + second).contains("--data")
                      ? "--data is another name of --input"
                      : "'--input'"),
              err);
        }
      }
      assertFalse(Run.of(command, "--help").out().contains("--data="));
      assertTrue(refused(command, loss).contains("Missing required option: '--input="));
    }
  }

  @Test
  void layersOfAHeadAreWrittenTheSameWayInBenchAndTrain() {
    String wrong = "--hidden is '8x'; it must be widths such as 256 or 256x64, or none";
    assertTrue(refused("bench", "--hidden=8x").contains(wrong));
    assertTrue(
        refused("train", "--input=a", "--loss=bt", "--folds=2", "--hidden=8x").contains(wrong));
    for (String layers : List.of("8x4", "8,4")) {
      Run run =
          Run.of(
              "bench",
              "--width=16",
              "--hidden=" + layers,
              "--responses=1",
              "--callers=1",
              "--seconds=0.001",
              "--threads=1");
      assertTrue(run.out().contains("hidden [8, 4]"), run.out() + run.err());
      assertTrue(run.out().contains(", 1 thread)"), run.out());
    }
  }

  @Test
  void numbersAreNumbers() {
    String range = "is no whole number from -2147483648 to 2147483647";
    assertTrue(refused("score", "--input=-", "--threads=x").contains("'x' " + range));
    assertTrue(refused("bench", "--width=4294967296").contains("'4294967296' " + range));
    assertTrue(refused("eval", "--input=-", "--seed=1.5").contains("'1.5' is no whole number"));
    String err = refused("train", "--input=a", "--loss=bt", "--out=b", "--center=0.1,0.2");
    assertTrue(err.contains("'0.1,0.2' is no number"), err);
    assertTrue(refused("bench", "--seconds=x").contains("'x' is no number"));
  }

  /** A folder, or a file, called - was made. */
  @Test
  void noStandardStreamIsTakenForAPlace() {
    String stream =
        " is -, and takes no standard stream; name a place, or say ./- where it is called so";
    assertTrue(refused("cache", "--input=a", "--output", "-").contains("--output" + stream));
    assertTrue(refused("train", "--input=a", "--loss=bt", "--out=-").contains("--out" + stream));
    assertTrue(refused("score", "--input=a", "--metrics", "-").contains("--metrics" + stream));
    assertTrue(refused("bench", "--cache=-").contains("--cache" + stream));
    for (String[] streams :
        new String[][] {{"score", "--output=-"}, {"eval", "--json"}, {"cache", "--output=./-"}}) {
      Run run = Run.of(streams[0], "--input=-", streams[1], "--model=no folder");
      assertFalse(run.err().contains("standard stream"), run.err());
    }
    assertTrue(Run.of("eval", "--data=-", "--part=x").err().contains("--part is 'x'"));
  }

  @Test
  void aModelHasAName() {
    String err = refused("train", "--input=a", "--loss=bt", "--out=b", "--name", "");
    assertTrue(err.contains("--name is empty; give it a value, or leave it out"), err);
  }

  @Test
  void onlyActivationsThatAreTakenAreOffered(@TempDir Path folder) throws IOException {
    Path data = Files.writeString(folder.resolve("rows.jsonl"), "{}");
    for (String wrong : List.of("swish", "leaky_relu")) {
      String err =
          refused(
              "train",
              "--input",
              data + "",
              "--loss=bt",
              "--out=" + folder.resolve("out"),
              "--activation",
              wrong);
      assertTrue(err.contains("[relu, tanh, gelu, gelu_tanh, selu, silu]"), err);
    }
  }

  @Test
  void aFolderThatIsNoCacheIsNotHalfOfOne(@TempDir Path folder) {
    assertTrue(refused("bench", "--cache", folder + "").contains("is no folder that gavel cache"));
    String err = refused("bench", "--cache", folder + "", "--responses=4");
    assertTrue(err.contains("leave --responses and --callers out"), err);
  }

  @Test
  void severalDifferencesHaveLinesOfTheirOwn() {
    assertEquals(" a was 1, now 2. ", RunSettings.listed(List.of("a was 1, now 2")));
    String two = RunSettings.listed(List.of("a was 1, now 2", "b was 3, now 4"));
    assertEquals("\n  a was 1, now 2\n  b was 3, now 4\n", two);
  }
}
