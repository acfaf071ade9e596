package dev.gavel.cli.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.scoring.StageTimes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
  @TempDir private Path folder;

  /** On a full disk FILE.partial stayed, empty. */
  @Test
  void figuresThatCannotBeWrittenLeaveNothing() throws IOException {
    Path path = folder.resolve("metrics.json");
    MetricsFile metrics = MetricsFile.named(path.toString(), false);
    // Stands in the way, as a full disk would.
    Files.createDirectories(path.resolve("folder"));
    CommandFailure told =
        assertThrows(
            CommandFailure.class, () -> metrics.write(new ScoreSummary(), new StageTimes(), true));
    assertEquals(ExitCode.ENVIRONMENT, told.exitCode());
    assertTrue(
        String.valueOf(told.getMessage()).startsWith("--metrics " + path + " cannot be written"),
        told.getMessage());
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(path), left.toList());
    }
  }
}
