package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gavel.text.fork.ScoreOnce;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Everything is found on the module path, too: other tests run on the class path. */
class ModulePathTest {
  // Test libraries are left out: they are no part of what users put on the module path.
  private static final List<String> TEST_ONLY =
      List.of("test-classes", "junit", "jqwik", "opentest4j", "apiguardian");

  private static final String ALL =
      "dev.gavel.bindings,com.microsoft.onnxruntime,ai.djl.tokenizers";

  @Test
  void scoresOnTheModulePathWithTheSameBits() throws IOException, InterruptedException {
    assertEquals("module dev.gavel.text " + ScoreOnce.scores(), run(ALL));
  }

  @ParameterizedTest
  @ValueSource(strings = {"com.microsoft.onnxruntime", "ai.djl.tokenizers"})
  void saysWhichModuleNeedsNativeAccess(String missing) throws IOException, InterruptedException {
    assumeTrue(
        Runtime.version().feature() >= 24,
        "Java " + Runtime.version().feature() + " does not deny native access; 24 and later do");
    String printed = run(ALL.replace(missing, "java.base"));
    assertTrue(printed.contains("--enable-native-access=" + missing), printed);
  }

  private static String run(String nativeAccess) throws IOException, InterruptedException {
    List<String> entries =
        Arrays.asList(System.getProperty("java.class.path").split(File.pathSeparator));
    String modules =
        entries.stream()
            .filter(entry -> TEST_ONLY.stream().noneMatch(entry::contains))
            .collect(Collectors.joining(File.pathSeparator));
    String tests =
        entries.stream()
            .filter(entry -> entry.contains("test-classes"))
            .collect(Collectors.joining(File.pathSeparator));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=" + nativeAccess,
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--illegal-native-access=deny",
                "--module-path",
                modules,
                "--add-modules",
                "dev.gavel.text",
                "-cp",
                tests,
                ScoreOnce.class.getName())
            .redirectErrorStream(true)
            .start();
    String printed =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    process.waitFor();
    // The logging facade that the tokenizer library brings says that it has nothing to log to.
    return printed
        .lines()
        .filter(line -> !line.startsWith("SLF4J"))
        .collect(Collectors.joining("\n"));
  }
}
