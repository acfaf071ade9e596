package dev.gavel.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputTargetTest {
  @TempDir private Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void write(OutputTarget target, String text) throws IOException {
    target.stream().write(text.getBytes(StandardCharsets.UTF_8));
    target.stream().flush();
  }

  @Test
  void aFileAppearsWhenItIsComplete() throws Exception {
    Path file = folder.resolve("out.jsonl");
    try (OutputTarget target = OutputTarget.file(file, false)) {
      write(target, "row\n");
      assertFalse(Files.exists(file));
      target.complete();
    }
    assertEquals("row\n", Files.readString(file));
    assertEquals(List.of("out.jsonl"), names());
  }

  @Test
  void nothingIsLeftOfARunThatFails() throws Exception {
    Path file = folder.resolve("out.jsonl");
    Files.writeString(file, "old\n");
    try (OutputTarget target = OutputTarget.file(file, true)) {
      write(target, "half a ro");
      assertEquals(2, names().size());
    }
    assertEquals("old\n", Files.readString(file));
    assertEquals(List.of("out.jsonl"), names());
  }

  @Test
  void replacesAFileOnlyWithForce() throws Exception {
    Path file = folder.resolve("out.jsonl");
    Files.writeString(file, "old\n");
    OutputFailure refused = assertThrows(OutputFailure.class, () -> OutputTarget.file(file, false));
    assertEquals(OutputFailure.Kind.USAGE, refused.kind());
    try (OutputTarget target = OutputTarget.file(file, true)) {
      write(target, "new\n");
      target.complete();
    }
    assertEquals("new\n", Files.readString(file));
  }

  @Test
  void aFileThatAppearsMeanwhileIsNotReplaced() throws Exception {
    Path file = folder.resolve("out.jsonl");
    try (OutputTarget target = OutputTarget.file(file, false)) {
      write(target, "mine\n");
      Files.writeString(file, "theirs\n");
      assertThrows(OutputFailure.class, target::complete);
    }
    assertEquals("theirs\n", Files.readString(file));
    assertEquals(List.of("out.jsonl"), names());
  }

  @Test
  void followsALinkInsteadOfReplacingIt() throws Exception {
    Path real = Files.writeString(folder.resolve("real"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    try (OutputTarget target = OutputTarget.file(link, true)) {
      write(target, "new");
      target.complete();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(real));
  }

  @Test
  void aDeviceIsWrittenToAndNotReplaced() throws Exception {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "skipped: this system has no /dev/full");
    try (OutputTarget target = OutputTarget.file(full, false)) {
      IOException refused = assertThrows(IOException.class, () -> write(target, "row\n"));
      assertEquals(OutputFailure.Kind.SYSTEM, target.failure(refused).kind());
    }
    assertFalse(Files.isRegularFile(full));
  }

  @Test
  void aFolderOrAMissingFolderIsWrongUsage() {
    for (Path path : List.of(folder, folder.resolve("none/out"))) {
      OutputFailure refused =
          assertThrows(OutputFailure.class, () -> OutputTarget.file(path, true));
      assertEquals(OutputFailure.Kind.USAGE, refused.kind());
    }
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
