package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.run.RunSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  void numbersAreNumbers() {
    String range = "is no whole number from -2147483648 to 2147483647";
    assertTrue(refused("score", "--input=-", "--threads=x").contains("'x' " + range));
    assertTrue(refused("bench", "--width=4294967296").contains("'4294967296' " + range));
    assertTrue(refused("eval", "--data=-", "--seed=1.5").contains("'1.5' is no whole number"));
    String err = refused("train", "--data=a", "--loss=bt", "--out=b", "--center=0.1,0.2");
    assertTrue(err.contains("'0.1,0.2' is no number"), err);
    assertTrue(refused("bench", "--seconds=x").contains("'x' is no number"));
  }

  @Test
  void onlyActivationsThatAreTakenAreOffered(@TempDir Path folder) throws IOException {
    Path data = Files.writeString(folder.resolve("rows.jsonl"), "{}");
    for (String wrong : List.of("swish", "leaky_relu")) {
      String err =
          refused(
              "train",
              "--data",
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
