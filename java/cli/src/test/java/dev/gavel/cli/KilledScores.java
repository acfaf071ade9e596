package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Runs of {@code score} to files, which are killed.
 *
 * @param folder of the outputs
 * @param expected bytes of the whole output, by the ending of its name
 * @param runs starts one
 */
record KilledScores(Path folder, Map<String, byte[]> expected, Starter runs)
    implements KilledRuns.Command {
  /** Starts {@code score --resume} to an output. */
  @FunctionalInterface
  interface Starter {
    Process start(Path output) throws IOException;
  }

  @Override
  public Path output(int number) {
    List<String> endings = expected.keySet().stream().sorted().toList();
    return folder.resolve("out" + number + endings.get(Math.floorMod(number, endings.size())));
  }

  @Override
  public Process start(Path output) throws IOException {
    return runs.start(output);
  }

  @Override
  public boolean hasBegun(Path output) {
    return Files.exists(partial(output));
  }

  @Override
  public boolean canGoOn(Path output) throws IOException {
    return hasCheckpoint(output);
  }

  @Override
  public void checkKilled(Path output) throws IOException {
    if (Files.exists(output)) {
      checkWhole(output);
    }
  }

  @Override
  public void checkWhole(Path output) throws IOException {
    String name = output.getFileName().toString();
    byte[] whole = expected.get(name.substring(name.indexOf('.')));
    assertArrayEquals(whole, Files.readAllBytes(output), name);
  }

  /** Whether a run that is not complete can be gone on with. */
  static boolean hasCheckpoint(Path output) throws IOException {
    Path journal = output.resolveSibling(output.getFileName() + ".run");
    if (!Files.exists(partial(output))) {
      return false;
    }
    try {
      return Files.readString(journal).contains("\"kind\":\"at\"");
    } catch (NoSuchFileException e) {
      // Not begun, or just ended.
      return false;
    }
  }

  private static Path partial(Path output) {
    return output.resolveSibling(output.getFileName() + ".partial");
  }
}
