package dev.gavel.cli.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ZstandardStreamTest {
  private final SplittableRandom random = new SplittableRandom(3);

  /** Text, or what was read of it before the stream failed. */
  private record Read(String text, boolean failed) {}

  private static String latin1(byte[] text) {
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  private static Read read(byte[] source, int most) throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (InputStream in = new ZstandardStream(new ByteArrayInputStream(source))) {
      byte[] some = new byte[most];
      try {
        for (int count = in.read(some); count >= 0; count = in.read(some)) {
          text.write(some, 0, count);
        }
      } catch (IOException e) {
        return new Read(latin1(text.toByteArray()), true);
      }
      assertEquals(-1, in.read());
    }
    return new Read(latin1(text.toByteArray()), false);
  }

  private byte[] words(int count) {
    byte[] text = new byte[count];
    for (int i = 0; i < count; i++) {
      text[i] = (byte) ('a' + random.nextInt(3));
    }
    return text;
  }

  /** Cut anywhere but between two frames it fails, and gives what it had. */
  @Test
  void everyCutIsNoticed() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteArrayOutputStream texts = new ByteArrayOutputStream();
    TreeSet<Integer> ends = new TreeSet<>();
    ends.add(0);
    for (int length : new int[] {200, 0, 1, 500, 40}) {
      byte[] text = words(length);
      texts.write(text);
      all.write(Zstd.compress(text));
      ends.add(all.size());
    }
    // A skippable frame of three bytes.
    all.write(new byte[] {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3});
    ends.add(all.size());
    byte[] whole = all.toByteArray();
    String expected = latin1(texts.toByteArray());
    for (int cut = 0; cut <= whole.length; cut++) {
      Read found = read(Arrays.copyOf(whole, cut), 1 + random.nextInt(64));
      assertEquals(!ends.contains(cut), found.failed(), "cut at " + cut);
      assertTrue(expected.startsWith(found.text()));
    }
    assertEquals(expected, read(whole, 7).text());
  }

  @Test
  void framesLargerThanItsBuffers() throws IOException {
    byte[] first = words(3_000_000);
    byte[] second = new byte[1_000_000];
    byte[] one = Zstd.compress(first);
    byte[] two = Zstd.compress(second);
    byte[] both = Arrays.copyOf(one, one.length + two.length);
    System.arraycopy(two, 0, both, one.length, two.length);
    String expected = latin1(Arrays.copyOf(first, first.length + second.length));
    assertEquals(expected, read(both, 1 << 20).text());
    assertEquals(expected, read(both, 1000).text());
    assertTrue(read(Arrays.copyOf(both, both.length - 1), 1 << 20).failed());
  }

  @Test
  void otherBytesAreRefused() throws IOException {
    byte[] frame = Zstd.compress(words(10));
    byte[] garbage = Arrays.copyOf(frame, frame.length + 9);
    Read found = read(garbage, 100);
    assertEquals(10, found.text().length());
    assertTrue(found.failed());
    try (InputStream in = new ZstandardStream(new ByteArrayInputStream(new byte[9]))) {
      assertThrows(IOException.class, in::read);
    }
  }
}
