package dev.gavel.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class OutputTargetTest {
  private static void write(OutputTarget target, String text) throws IOException {
    target.stream().write(text.getBytes(StandardCharsets.UTF_8));
    target.stream().flush();
  }

  @Test
  void aDeviceIsWrittenToAndNotReplaced() throws Exception {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "skipped: this system has no /dev/full");
    OutputTarget target = OutputTarget.device(full);
    IOException refused = assertThrows(IOException.class, () -> write(target, "row\n"));
    assertEquals(OutputFailure.Kind.SYSTEM, target.failure(refused).kind());
    // What it still holds cannot be written either, and that is told, too.
    assertThrows(OutputFailure.class, target::close);
    assertFalse(Files.isRegularFile(full));
  }

  @Test
  void aReaderThatWentAwayIsNoFailureOfTheSystem() {
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int one) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    OutputTarget target = OutputTarget.standard(broken);
    IOException thrown = assertThrows(IOException.class, () -> write(target, "row\n"));
    assertEquals(OutputFailure.Kind.READER_GONE, target.failure(thrown).kind());
  }
}
