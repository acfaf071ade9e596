package dev.gavel.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What the system itself throws, in words. */
class SystemReasonTest {
  private static IOException thrown(Executable action) {
    return assertThrows(IOException.class, action);
  }

  @Test
  void noNameOfAnExceptionOrOfTheFileIsLeft(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    Path missing = folder.resolve("missing");
    assertEquals("it is not there", SystemReason.reading(thrown(() -> Files.readString(missing))));
    assertEquals(
        "there is no such folder, or the system makes no files in it",
        SystemReason.writing(thrown(() -> Files.writeString(missing.resolve("file"), "x"))));
    assertEquals(
        "there is something of this name already",
        SystemReason.writing(thrown(() -> Files.createDirectory(folder))));
    assertEquals("it is not empty", SystemReason.writing(thrown(() -> Files.delete(folder))));
    assertEquals(
        "it is no folder", SystemReason.reading(thrown(() -> Files.newDirectoryStream(file))));
    assertEquals("Is a directory", SystemReason.reading(thrown(() -> Files.readString(folder))));
    assertEquals(
        "Not a directory",
        SystemReason.writing(thrown(() -> Files.writeString(file.resolve("inside"), "x"))));
    assertEquals("permission denied", SystemReason.reading(new AccessDeniedException("file")));
    assertEquals("java.io.EOFException", SystemReason.reading(new EOFException()));
  }

  @Test
  void aFullDiskIsCalledThat() {
    assertEquals(
        "No space left on device",
        SystemReason.writing(thrown(() -> Files.writeString(Path.of("/dev/full"), "x"))));
  }
}
