package dev.gavel.cli.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.OutputFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunOutputTest {
  private static final RunSettings SETTINGS = new RunSettings(Map.of("layout", "joint"));

  @TempDir private Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void write(RunOutput output, String text) throws IOException {
    output.stream().write(text.getBytes(StandardCharsets.UTF_8));
  }

  private static void complete(RunOutput output) throws OutputFailure {
    output.complete(Position.START, Map.of("rows", 1L));
  }

  @Test
  void aFileAppearsWhenItIsComplete() throws Exception {
    Path file = folder.resolve("out.jsonl");
    try (RunOutput output = RunOutput.claim(file, false, false)) {
      output.begin(SETTINGS, true);
      write(output, "row\n");
      assertFalse(Files.exists(file));
      complete(output);
    }
    assertEquals("row\n", Files.readString(file));
    assertEquals(List.of("out.jsonl", "out.jsonl.run"), names());
  }

  @Test
  void nothingIsLeftOfARunThatFailsBeforeItsFirstCheckpoint() throws Exception {
    Path file = folder.resolve("out.jsonl");
    Files.writeString(file, "old\n");
    try (RunOutput output = RunOutput.claim(file, true, false)) {
      output.begin(SETTINGS, true);
      write(output, "half a ro");
      assertTrue(output.left().isEmpty());
    }
    assertEquals("old\n", Files.readString(file));
    assertEquals(List.of("out.jsonl"), names());
  }

  @Test
  void nothingIsLeftWhereTheInputCannotBeReadAgain() throws Exception {
    try (RunOutput output = RunOutput.claim(folder.resolve("out"), false, false)) {
      output.begin(SETTINGS, false);
      write(output, "row\n");
      output.windowDone(new Position(0, 1, 1, 1), Map::of);
    }
    assertEquals(List.of(), names());
  }

  @Test
  void nothingIsLeftWhereNothingBegan() throws Exception {
    RunOutput.claim(folder.resolve("out"), false, false).close();
    assertEquals(List.of(), names());
  }

  @Test
  void replacesAFileOnlyWithForce() throws Exception {
    Path file = folder.resolve("out.jsonl");
    Files.writeString(file, "old\n");
    for (boolean resume : new boolean[] {false, true}) {
      OutputFailure refused =
          assertThrows(OutputFailure.class, () -> RunOutput.claim(file, false, resume));
      assertEquals(OutputFailure.Kind.USAGE, refused.kind());
    }
    try (RunOutput output = RunOutput.claim(file, true, false)) {
      output.begin(SETTINGS, true);
      write(output, "new\n");
      complete(output);
    }
    assertEquals("new\n", Files.readString(file));
  }

  @Test
  void aFileThatAppearsMeanwhileIsNotReplaced() throws Exception {
    Path file = folder.resolve("out.jsonl");
    try (RunOutput output = RunOutput.claim(file, false, false)) {
      output.begin(SETTINGS, true);
      write(output, "mine\n");
      Files.writeString(file, "theirs\n");
      assertThrows(OutputFailure.class, () -> complete(output));
    }
    assertEquals("theirs\n", Files.readString(file));
    // What was written is not lost: it can be moved in place of theirs.
    try (RunOutput output = RunOutput.claim(file, true, true)) {
      assertTrue(output.begin(SETTINGS, true).complete());
    }
    assertEquals("mine\n", Files.readString(file));
  }

  @Test
  void followsALinkInsteadOfReplacingIt() throws Exception {
    Path real = Files.writeString(folder.resolve("real"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    try (RunOutput output = RunOutput.claim(link, true, false)) {
      output.begin(SETTINGS, true);
      write(output, "new");
      complete(output);
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(real));
  }

  @Test
  void aFolderOrAMissingFolderIsWrongUsage() {
    for (Path path : List.of(folder, folder.resolve("none/out"))) {
      OutputFailure refused =
          assertThrows(OutputFailure.class, () -> RunOutput.claim(path, true, false));
      assertEquals(OutputFailure.Kind.USAGE, refused.kind());
    }
  }

  @Test
  void anOutputHasOneRunAtATime() throws Exception {
    Path file = folder.resolve("out");
    try (RunOutput first = RunOutput.claim(file, false, false)) {
      for (boolean flag : new boolean[] {false, true}) {
        OutputFailure refused =
            assertThrows(OutputFailure.class, () -> RunOutput.claim(file, flag, flag));
        assertTrue(String.valueOf(refused.getMessage()).contains("another run"));
      }
      first.begin(SETTINGS, true);
      write(first, "first\n");
      complete(first);
    }
    assertEquals("first\n", Files.readString(file));
    RunOutput.claim(file, true, false).close();
  }

  @Test
  void nothingIsLeftOfAnotherFormatThatIsNotMade() throws Exception {
    Path file = folder.resolve("out");
    Path made =
        Files.writeString(folder.resolve("out.converted"), "half, of a run that was killed");
    try (RunOutput output = RunOutput.claim(file, true, false)) {
      output.convertWith((rows, to) -> {
        Files.copy(rows, to);
        throw new IOException("disk full");
      });
      output.begin(SETTINGS, true);
      assertFalse(Files.exists(made));
      write(output, "row\n");
      assertThrows(OutputFailure.class, () -> complete(output));
    }
    // The rows are kept, and nothing else.
    assertEquals(List.of("out.partial", "out.run"), names());
  }

  @Test
  void linesOfTheRecordThatARunDoesNotWriteInThisOrderAreNotBelieved() throws Exception {
    Path file = folder.resolve("out");
    try (RunOutput output = RunOutput.claim(file, false, false)) {
      output.begin(SETTINGS, true);
      write(output, "row\nrow\n");
      complete(output);
    }
    Path journal = folder.resolve("out.run");
    List<String> lines = new ArrayList<>(Files.readAllLines(journal));
    for (int row = 1; row <= 2; row++) {
      Checkpoint later = new Checkpoint(new Position(0, row, row, row), 4L * row, 0, Map.of());
      lines.add(
          1, new String(RunRecord.write(new RunRecord.At(later)), StandardCharsets.UTF_8).strip());
    }
    // The second is in front of the first now, and what follows is not known to be of this run.
    Files.writeString(journal, String.join("\n", lines) + "\n");
    OutputFailure refused =
        assertThrows(OutputFailure.class, () -> RunOutput.claim(file, false, true));
    assertTrue(String.valueOf(refused.getMessage()).contains("exists"), refused.getMessage());
    assertEquals("row\nrow\n", Files.readString(file));
  }

  @Test
  void anUnfinishedRunIsNeitherOverwrittenNorContinuedWithOtherSettings() throws Exception {
    Path file = folder.resolve("out");
    try (RunOutput output = RunOutput.claim(file, false, false)) {
      output.begin(SETTINGS, true);
      write(output, "row\n");
      output.windowDone(new Position(0, 1, 1, 1), () -> Map.of("rows", 1L));
      assertTrue(output.left().orElseThrow().contains("--resume"));
    }
    OutputFailure refused =
        assertThrows(OutputFailure.class, () -> RunOutput.claim(file, false, false));
    assertTrue(String.valueOf(refused.getMessage()).contains("--resume"));
    try (RunOutput output = RunOutput.claim(file, false, true)) {
      RunSettings other = new RunSettings(Map.of("layout", "independent", "more", "1"));
      OutputFailure differs = assertThrows(OutputFailure.class, () -> output.begin(other, true));
      String message = String.valueOf(differs.getMessage());
      assertTrue(message.contains("layout was joint, now independent"), message);
      assertTrue(message.contains("more was not there, now 1"), message);
    }
    try (RunOutput output = RunOutput.claim(file, false, true)) {
      RunOutput.Start start = output.begin(SETTINGS, true);
      assertEquals(1, start.checkpoint().position().rows());
      assertEquals(Map.of("rows", 1L), start.checkpoint().counts());
      write(output, "two\n");
      complete(output);
    }
    assertEquals("row\ntwo\n", Files.readString(file));
    try (RunOutput output = RunOutput.claim(file, false, true)) {
      assertTrue(output.begin(SETTINGS, true).complete());
    }
    assertThrows(OutputFailure.class, () -> RunOutput.claim(file, false, false));
  }
}
