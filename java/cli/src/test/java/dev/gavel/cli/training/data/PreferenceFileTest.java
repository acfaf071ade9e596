package dev.gavel.cli.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gavel.cli.input.InputFile;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreferenceFileTest {
  private static final String ROW = "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n";

  @TempDir private Path folder;

  private static PreferenceFile read(InputFile input) {
    PrintWriter nobody = new PrintWriter(Writer.nullWriter());
    return PreferenceFile.read(
        input, new Streams(InputStream.nullInputStream(), OutputStream.nullOutputStream(), nobody));
  }

  /** Cut, grown, or written over: a model card had the hash of another file than was learned. */
  @Test
  void aFileThatIsChangedWhileItIsReadIsRefused() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    for (String now : new String[] {ROW, ROW + ROW + ROW, ROW + ROW.replace('p', 'q')}) {
      Files.writeString(file, ROW + ROW);
      InputFile input = InputFile.named("--input", file.toString());
      assertEquals(2, read(input).rows().size());
      FileTime before = Files.getLastModifiedTime(file);
      Files.writeString(file, now);
      // The clock of a file system may stand still for some milliseconds.
      Files.setLastModifiedTime(file, FileTime.fromMillis(before.toMillis() + 1000));
      CommandFailure told = assertThrows(CommandFailure.class, () -> read(input));
      assertEquals(ExitCode.ENVIRONMENT, told.exitCode());
      assertEquals(
          file + " was changed while it was read; begin again when it is complete",
          told.getMessage());
    }
  }
}
