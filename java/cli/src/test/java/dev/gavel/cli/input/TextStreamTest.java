package dev.gavel.cli.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

/** What other programs than gzip and zstd, with their defaults, write. */
class TextStreamTest {
  private static final byte[] ROWS = "one\ntwo\n".getBytes(StandardCharsets.ISO_8859_1);

  private static byte[] gzip() throws IOException {
    ByteArrayOutputStream stored = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(stored)) {
      out.write(ROWS);
    }
    return stored.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  private static String text(byte[] stored) throws IOException {
    try (InputStream in = TextStream.of(new ByteArrayInputStream(stored), "rows")) {
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  /** Up to the end of the source, also where they are longer than a buffer or begin with one. */
  @Test
  void zerosBehindGzipArePadding() throws IOException {
    byte[] stored = gzip();
    for (int zeros : new int[] {1, 700, (1 << 16) - stored.length, 1 << 16, 200_000}) {
      assertEquals("one\ntwo\n", text(join(stored, new byte[zeros])), zeros + " zeros");
      for (byte[] behind : List.of(new byte[] {'x'}, stored)) {
        assertThrows(EndsEarlyException.class, () -> text(join(stored, new byte[zeros], behind)));
      }
    }
    assertEquals("one\ntwo\none\ntwo\n", text(join(stored, stored, new byte[9])));
  }

  /** As pzstd writes it; its rows were lines that are not UTF-8. */
  @Test
  void aSkippableFrameMayStandFirst() throws IOException {
    for (int kind = 0x50; kind <= 0x5f; kind++) {
      byte[] skippable = {(byte) kind, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3};
      assertEquals("one\ntwo\n", text(join(skippable, Zstd.compress(ROWS))));
    }
    for (String line : List.of("P", "P*", "P*M", "P*M\u0019", "PA", "_*M", "@*M\u0018")) {
      assertEquals(line, text(line.getBytes(StandardCharsets.ISO_8859_1)));
    }
  }

  /** Such a file is whole; to get it again changes nothing. */
  @Test
  void whatIsCompressedInAnotherWaySaysWhatToDo() {
    // A frame of no bytes: flags, window, dictionary, and the last block. RFC 8878, 3.1.1.
    byte[] dictionary = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 1, 0, 7, 1, 0, 0};
    UnreadableException needs = assertThrows(UnreadableException.class, () -> text(dictionary));
    assertEquals("it needs a dictionary", needs.getMessage());
    assertEquals("compress it without one to score it", needs.advice());
    // A window of 2 GiB, as with --long=31.
    byte[] window = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, (byte) 0xa8, 1, 0, 0};
    UnreadableException large = assertThrows(UnreadableException.class, () -> text(window));
    assertEquals("its window is larger than 128 MiB", large.getMessage());
    assertEquals("compress it with at most --long=27 to score it", large.advice());
  }
}
