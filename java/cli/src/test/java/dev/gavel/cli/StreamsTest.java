package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.cli.program.ExitCode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a command says of standard output that takes nothing. */
class StreamsTest {
  @TempDir private Path folder;

  /** Takes nothing, and says why. */
  private static final class Refusing extends OutputStream {
    private final String reason;

    Refusing(String reason) {
      this.reason = reason;
    }

    @Override
    public void write(int value) throws IOException {
      throw new IOException(reason);
    }
  }

  private static void ends(int code, String said, String reason, List<String> arguments) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int found =
        Main.run(arguments, new ByteArrayInputStream(new byte[0]), new Refusing(reason), err);
    assertEquals(said, err.toString(StandardCharsets.UTF_8));
    assertEquals(code, found);
  }

  @Test
  void aResultThatIsLostIsNoSuccess() throws IOException {
    Path model = TinyModel.write(folder.resolve("model"));
    Path pairs =
        Files.writeString(
            folder.resolve("pairs.jsonl"),
            "{\"prompt\":\"say\",\"chosen\":\"no\",\"rejected\":\"word\"}\n");
    List<String> eval = List.of("eval", "--input", pairs.toString(), "--model", model.toString());
    for (List<String> arguments : List.of(eval, List.of("--version"), List.of("--help"))) {
      ends(
          ExitCode.ENVIRONMENT,
          "gavel: standard output cannot be written: No space left on device"
              + System.lineSeparator(),
          "No space left on device",
          arguments);
      ends(ExitCode.READER_GONE, "", "Broken pipe", arguments);
    }
  }
}
