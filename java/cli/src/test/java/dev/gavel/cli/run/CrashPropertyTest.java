package dev.gavel.cli.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.input.Position;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;

/**
 * Whatever the disk holds after a crash, a run that goes on ends with the bytes of a run that was
 * never interrupted.
 */
class CrashPropertyTest {
  private static final RunSettings SETTINGS = new RunSettings(Map.of("layout", "joint"));
  private static final int WINDOWS = 12;
  private static final int ROW_BYTES = 150_000;

  /** What happens to what is on the disk. */
  enum Damage {
    NONE,
    JOURNAL_IS_CUT,
    JOURNAL_HAS_A_TORN_LINE,
    JOURNAL_HAS_A_WRONG_BYTE,
    OUTPUT_IS_CUT,
    OUTPUT_HAS_MORE,
    OUTPUT_HAS_A_WRONG_BYTE
  }

  @Property(tries = 120)
  void goingOnGivesTheSameBytes(
      @ForAll Compression compression,
      @ForAll Damage damage,
      @ForAll @IntRange(min = 0, max = WINDOWS) int killedAfter,
      @ForAll @IntRange(min = 1, max = 4) int checkpointEvery,
      @ForAll long seed)
      throws Exception {
    Path folder = Files.createTempDirectory("gavel-crash-");
    try {
      String name =
          switch (compression) {
            case NONE -> "out";
            case GZIP -> "out.gz";
            case ZSTANDARD -> "out.zst";
          };
      Path whole = Files.createDirectory(folder.resolve("whole"));
      Path crashed = Files.createDirectory(folder.resolve("crashed"));
      run(whole.resolve(name), WINDOWS, checkpointEvery, null);
      run(folder.resolve("first-" + name), killedAfter, checkpointEvery, crashed.resolve(name));
      damage(crashed.resolve(name), damage, new Random(seed));
      // Interrupted once more, then to the end.
      Path again = Files.createDirectory(folder.resolve("again"));
      run(crashed.resolve(name), WINDOWS / 2, checkpointEvery, again.resolve(name));
      run(again.resolve(name), WINDOWS, 1, null);
      assertArrayEquals(
          Files.readAllBytes(whole.resolve(name)), Files.readAllBytes(again.resolve(name)));
    } finally {
      delete(folder);
    }
  }

  /**
   * Writes windows up to one and completes the output, or leaves it to a copy as it is on the disk
   * at that instant.
   */
  private static void run(Path output, int windows, int checkpointEvery, @Nullable Path copy)
      throws Exception {
    AtomicLong clock = new AtomicLong();
    try (RunOutput run = RunOutput.claim(output, false, true, clock::get)) {
      RunOutput.Start start = run.begin(SETTINGS, true);
      long row = start.checkpoint().position().rows();
      assertEquals(row, start.checkpoint().counts().getOrDefault("rows", 0L));
      assertTrue(row <= WINDOWS);
      while (row < windows && !start.complete()) {
        run.stream().write(text(row));
        row++;
        long rows = row;
        if (row % checkpointEvery == 0) {
          clock.addAndGet(60_000_000_000L);
        }
        run.windowDone(new Position(0, row, row, row), () -> Map.of("rows", rows));
      }
      if (copy == null) {
        if (!start.complete()) {
          run.complete(new Position(1, 0, 0, row), Map.of("rows", row));
        }
        return;
      }
      for (String ending : new String[] {"", ".partial", ".run"}) {
        Path from = beside(output, ending);
        if (Files.exists(from)) {
          Files.copy(from, beside(copy, ending));
        }
      }
    }
  }

  private static byte[] text(long row) {
    byte[] random = new byte[ROW_BYTES];
    new Random(row).nextBytes(random);
    return java.util.Base64.getEncoder().encodeToString(random).getBytes(StandardCharsets.UTF_8);
  }

  private static void damage(Path output, Damage damage, Random random) throws IOException {
    Path journal = beside(output, ".run");
    Path partial = beside(output, ".partial");
    switch (damage) {
      case NONE -> assertTrue(Files.exists(journal));
      case JOURNAL_IS_CUT -> change(journal, random, 0, -1);
      case JOURNAL_HAS_A_TORN_LINE ->
          Files.writeString(
              journal, Files.readString(journal) + "{\"check\":\"00000000\",\"record\":{\"kind\":");
      case JOURNAL_HAS_A_WRONG_BYTE -> change(journal, random, 1, 0);
      case OUTPUT_IS_CUT -> change(partial, random, 0, -1);
      case OUTPUT_HAS_MORE -> change(partial, random, 0, 1000);
      case OUTPUT_HAS_A_WRONG_BYTE -> change(partial, random, 1, 0);
    }
  }

  // Flips bits of one byte, or cuts the file anywhere (-1), or adds bytes.
  private static void change(Path file, Random random, int flips, int more) throws IOException {
    byte[] content = Files.readAllBytes(file);
    if (content.length > 0 && flips > 0) {
      content[random.nextInt(content.length)] ^= (byte) (1 + random.nextInt(255));
    }
    int length = more < 0 ? random.nextInt(content.length + 1) : content.length + more;
    Files.write(file, Arrays.copyOf(content, length));
  }

  private static Path beside(Path output, String ending) {
    return output.resolveSibling(output.getFileName() + ending);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(file -> {
            try {
              Files.delete(file);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
  }
}
