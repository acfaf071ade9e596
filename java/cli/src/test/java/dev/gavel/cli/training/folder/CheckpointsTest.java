package dev.gavel.cli.training.folder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FileException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.run.RunSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of a run that was killed where no epoch was done, or all of them. */
class CheckpointsTest {
  private static final RunSettings SETTINGS = new RunSettings(Map.of("seed", "3"));

  @TempDir private Path folder;

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aRunThatIsKilledInItsFirstEpochCanGoOn() throws IOException {
    Path out = folder.resolve("out");
    assertFalse(ModelFolder.checkPlace(out, false, false));
    Path killed = Files.createDirectories(folder.resolve("killed/checkpoint"));
    try (Checkpoints _ = Checkpoints.open(out, SETTINGS, false)) {
      for (String name : names(out.resolve("checkpoint"))) {
        Files.copy(out.resolve("checkpoint").resolve(name), killed.resolve(name));
      }
    }
    // One that fails leaves nothing.
    assertFalse(Files.exists(out));

    Path place = killed.getParent();
    assertTrue(Checkpoints.isUnfinished(place));
    InvalidArgumentException plain =
        assertThrows(
            InvalidArgumentException.class, () -> ModelFolder.checkPlace(place, false, false));
    assertTrue(String.valueOf(plain.getMessage()).contains("unfinished run"), plain.getMessage());
    assertFalse(ModelFolder.checkPlace(place, false, true));
    InvalidArgumentException other =
        assertThrows(
            InvalidArgumentException.class,
            () -> Checkpoints.open(place, new RunSettings(Map.of("seed", "4")), true));
    assertTrue(String.valueOf(other.getMessage()).contains("seed was 3, now 4"));
    Checkpoints.open(place, SETTINGS, true).close();
    assertEquals(List.of(), names(place));
  }

  @Test
  void whatIsLeftBeforeThereIsAStateIsNothing() throws IOException {
    Path out = folder.resolve("out");
    Path checkpoint = Files.createDirectories(out.resolve("checkpoint"));
    Files.createFile(out.resolve(".gavel-17.tmp"));
    for (String name :
        List.of("lock", "state.json.partial", "optimizer-000001.safetensors", ".best.x.tmp")) {
      Files.createFile(checkpoint.resolve(name));
    }
    for (boolean resume : new boolean[] {false, true}) {
      assertFalse(ModelFolder.checkPlace(out, false, resume));
    }
    // A folder of that name that is somebody else's is not.
    Files.createFile(checkpoint.resolve("notes.txt"));
    assertThrows(InvalidArgumentException.class, () -> ModelFolder.checkPlace(out, false, true));
  }

  @Test
  void aStateNeverNamesFilesThatWereRemovedAtTheEnd() throws IOException {
    Path out = Files.createDirectory(folder.resolve("out"));
    Checkpoints checkpoints = Checkpoints.open(out, SETTINGS, false);
    // What cannot be deleted stops it as a kill would.
    for (int i = 0; i < 20; i++) {
      Files.createFile(
          Files.createDirectory(out.resolve("checkpoint").resolve("full-" + i)).resolve("file"));
    }
    assertThrows(FileException.class, checkpoints::finish);
    assertFalse(Checkpoints.isUnfinished(out));
    assertThrows(FileException.class, checkpoints::close);
  }

  /** The words of the system, not of Java. */
  @Test
  void aFullDiskIsCalledThat() throws IOException {
    Path out = folder.resolve("out");
    Path checkpoint = Files.createDirectories(out.resolve("checkpoint"));
    Files.createSymbolicLink(checkpoint.resolve("state.json.partial"), Path.of("/dev/full"));
    FileException told =
        assertThrows(FileException.class, () -> Checkpoints.open(out, SETTINGS, false));
    assertEquals(checkpoint + ": cannot be written: No space left on device", told.getMessage());
  }
}
