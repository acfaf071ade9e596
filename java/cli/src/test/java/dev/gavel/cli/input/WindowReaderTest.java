package dev.gavel.cli.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.gavel.cli.rows.Line;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WindowReaderTest {
  private static final Limits LIMITS = new Limits(7, 1 << 16);

  @TempDir private Path folder;

  /** How a file is stored; several parts one after another are one file. */
  enum Stored {
    PLAIN,
    GZIP,
    GZIP_PARTS,
    ZSTANDARD,
    ZSTANDARD_PARTS;

    byte[] of(String text) throws IOException {
      int half = text.length() / 2;
      return switch (this) {
        case PLAIN -> bytes(text);
        case GZIP -> gzip(text);
        case GZIP_PARTS -> join(gzip(text.substring(0, half)), gzip(text.substring(half)));
        case ZSTANDARD -> Zstd.compress(bytes(text));
        case ZSTANDARD_PARTS ->
            join(
                Zstd.compress(bytes(text.substring(0, half))),
                Zstd.compress(bytes(text.substring(half))));
      };
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream stored = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(stored)) {
      out.write(bytes(text));
    }
    return stored.toByteArray();
  }

  private static byte[] join(byte[] first, byte[] second) {
    ByteArrayOutputStream both = new ByteArrayOutputStream();
    both.writeBytes(first);
    both.writeBytes(second);
    return both.toByteArray();
  }

  private static String rows(String name, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> name + i + (i % 5 == 0 ? "\n\n" : "\r\n"))
        .collect(Collectors.joining());
  }

  private List<Source> sources(Stored stored) throws IOException {
    return List.of(
        Source.file(Files.write(folder.resolve("a"), stored.of(rows("a", 20)))),
        Source.file(Files.write(folder.resolve("b"), stored.of(""))),
        Source.file(Files.write(folder.resolve("c"), stored.of("\ufeff" + rows("c", 13)))));
  }

  private static List<Window> read(List<Source> sources, Position from, Shard shard)
      throws IOException {
    List<Window> windows = new ArrayList<>();
    try (WindowReader reader =
        new WindowReader(sources, InputStream.nullInputStream(), from, shard, LIMITS)) {
      Optional<Window> window = reader.next();
      while (window.isPresent()) {
        windows.add(window.get());
        window = reader.next();
      }
    }
    return windows;
  }

  private static List<String> texts(List<Window> windows) {
    return windows.stream()
        .flatMap(window -> window.entries().stream())
        .map(entry ->
            switch (entry.line()) {
              case Line.Text(long _, String text) -> text;
              case Line.Unreadable(long number, var error) -> number + " " + error.field();
            })
        .toList();
  }

  @ParameterizedTest
  @EnumSource
  void goingOnFromTheEndOfAnyWindowGivesTheSameWindows(Stored stored) throws IOException {
    List<Source> sources = sources(stored);
    List<Window> all = read(sources, Position.START, Shard.ALL);
    assertEquals(5, all.size());
    List<String> expected = new ArrayList<>();
    IntStream.range(0, 20).forEach(i -> expected.add("a" + i));
    IntStream.range(0, 13).forEach(i -> expected.add("c" + i));
    assertEquals(expected, texts(all));
    for (int i = 0; i < all.size(); i++) {
      List<Window> rest = read(sources, all.get(i).end(), Shard.ALL);
      assertEquals(all.subList(i + 1, all.size()), rest);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shardsShareAllRows(Stored stored) throws IOException {
    List<Source> sources = sources(stored);
    List<String> all = texts(read(sources, Position.START, Shard.ALL));
    for (int shard = 1; shard <= 3; shard++) {
      List<String> own = new ArrayList<>();
      for (int row = shard - 1; row < all.size(); row += 3) {
        own.add(all.get(row));
      }
      List<Window> windows = read(sources, Position.START, new Shard(shard, 3));
      assertEquals(own, texts(windows));
      List<Window> rest = read(sources, windows.getFirst().end(), new Shard(shard, 3));
      assertEquals(windows.subList(1, windows.size()), rest);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "PLAIN")
  void aCutFileKeepsWhatWasReadAndSaysWhereItEnds(Stored stored) throws IOException {
    // Random letters: enough of them that a decoder gives out text before it meets the end.
    java.util.Random random = new java.util.Random(3);
    String text =
        IntStream.range(0, 100_000)
            .mapToObj(i -> i + Long.toString(random.nextLong(), 36) + "\n")
            .collect(Collectors.joining());
    byte[] whole = stored.of(text);
    List<String> lines = text.lines().toList();
    for (int length : new int[] {5, whole.length / 3, whole.length - 3}) {
      Path file = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, length));
      Path next = Files.writeString(folder.resolve("next"), "after\n");
      List<String> found =
          texts(read(List.of(Source.file(file), Source.file(next)), Position.START, Shard.ALL));
      assertEquals("after", found.getLast());
      int kept = found.size() - 2;
      assertEquals((kept + 1) + " source", found.get(kept), "length " + length);
      assertEquals(lines.subList(0, kept), found.subList(0, kept));
      assertTrue(length < 100 || kept > 1000, "kept " + kept);
    }
  }

  @Test
  void bytesBehindACompressedFileAreNotPassedOver() throws IOException {
    Path file = Files.write(folder.resolve("tail"), join(gzip("row\n"), bytes("rubbish rubbish")));
    List<String> found = texts(read(List.of(Source.file(file)), Position.START, Shard.ALL));
    assertEquals(List.of("row", "2 source"), found);
  }

  @Test
  void standardInputMayBeCompressed() throws IOException {
    for (Stored stored : Stored.values()) {
      WindowReader reader =
          new WindowReader(
              List.of(Source.standard()),
              new ByteArrayInputStream(stored.of("one\ntwo\n")),
              Position.START,
              Shard.ALL,
              LIMITS);
      assertEquals(List.of("one", "two"), texts(List.of(reader.next().orElseThrow())));
    }
  }

  @Test
  void textThatBeginsLikeACompressedFileIsText() throws IOException {
    for (String text : List.of("(", "(\u00b5", "", "{\"a\":1}")) {
      WindowReader reader =
          new WindowReader(
              List.of(Source.standard()),
              new ByteArrayInputStream(bytes(text)),
              Position.START,
              Shard.ALL,
              LIMITS);
      assertEquals(
          text.isEmpty() ? List.of() : List.of(text), texts(reader.next().stream().toList()));
    }
  }

  @Test
  void aLongLineIsAnErrorOfItsRow() throws IOException {
    String text = "a\n" + "x".repeat(LIMITS.longestLine() + 1) + "\nb\n";
    Path file = Files.writeString(folder.resolve("long"), text);
    assertEquals(
        List.of("a", "2 line", "b"),
        texts(read(List.of(Source.file(file)), Position.START, Shard.ALL)));
  }

  /** A file that was cut at the end of a row gave fewer rows, and the run called itself whole. */
  @Test
  void aFileThatIsCutWhileItIsReadIsRefused() throws IOException {
    String text = rows("r", 20_000);
    byte[] cut = bytes(text.substring(0, text.indexOf("r15000")));
    for (byte[] now : List.of(cut, new byte[0])) {
      ReadFailure told = assertThrows(ReadFailure.class, () -> rowsOfChanged(text, now));
      assertTrue(
          told.getMessage().contains("changed cannot be read: it was cut while it was read"),
          told.getMessage());
    }
  }

  @Test
  void whatIsAppendedWhileAFileIsReadIsNotRead() throws IOException {
    String text = rows("r", 20_000);
    assertEquals(3 + 20_000, rowsOfChanged(text, bytes(text)));
    assertEquals(3 + 20_000, rowsOfChanged(text, bytes(text + "more\nand more")));
  }

  // Of three rows and of a file that becomes another one when the first window has been read.
  private long rowsOfChanged(String text, byte[] now) throws IOException {
    Path first = Files.write(folder.resolve("first"), bytes(rows("a", 3)));
    Path changed = Files.write(folder.resolve("changed"), bytes(text));
    List<Source> sources = List.of(Source.file(first), Source.file(changed));
    try (WindowReader reader =
        new WindowReader(
            sources, InputStream.nullInputStream(), Position.START, Shard.ALL, LIMITS)) {
      long count = reader.next().orElseThrow().entries().size();
      assertEquals(7, count);
      Files.write(changed, now);
      return count + drain(reader);
    }
  }

  private static long drain(WindowReader reader) throws IOException {
    long count = 0;
    Optional<Window> window = reader.next();
    while (window.isPresent()) {
      count += window.get().entries().size();
      window = reader.next();
    }
    return count;
  }
}
