package dev.gavel.cli.rows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.text.row.RowError;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LineReaderTest {

  private static List<Line> read(byte[] bytes, int longest) throws IOException {
    // One byte at a time: every line end falls on the end of a read.
    InputStream slow =
        new ByteArrayInputStream(bytes) {
          @Override
          public int read(byte[] into, int offset, int length) {
            return super.read(into, offset, Math.min(1, length));
          }
        };
    List<Line> fast = readAll(new LineReader(new ByteArrayInputStream(bytes), longest));
    assertEquals(fast, readAll(new LineReader(slow, longest)));
    return fast;
  }

  private static List<Line> readAll(LineReader reader) throws IOException {
    List<Line> lines = new ArrayList<>();
    for (Optional<Line> line = reader.next(); line.isPresent(); line = reader.next()) {
      lines.add(line.get());
    }
    return lines;
  }

  private static List<Line> read(String text) throws IOException {
    return read(text.getBytes(StandardCharsets.UTF_8), 1000);
  }

  @Test
  void numbersLinesAndPassesOverBlankOnes() throws IOException {
    assertEquals(
        List.of(new Line.Text(1, "a"), new Line.Text(4, "b c"), new Line.Text(6, "d")),
        read("a\r\n\n \t\r\n  b c \n\nd"));
  }

  @Test
  void anEmptyFileHasNoLines() throws IOException {
    assertEquals(List.of(), read(""));
    assertEquals(List.of(), read("\n\n"));
  }

  @Test
  void passesOverAByteOrderMarkAtTheStartOnly() throws IOException {
    assertEquals(
        List.of(new Line.Text(1, "a"), new Line.Text(2, "\uFEFFb")), read("\uFEFFa\n\uFEFFb"));
  }

  @Test
  void doesNotStoreLongLines() throws IOException {
    List<Line> lines = read("12345\n123456\n1234567890123\nx".getBytes(StandardCharsets.UTF_8), 5);
    assertEquals(new Line.Text(1, "12345"), lines.get(0));
    assertEquals("6 bytes", assertInstanceOf(Line.Unreadable.class, lines.get(1)).error().found());
    assertEquals("13 bytes", assertInstanceOf(Line.Unreadable.class, lines.get(2)).error().found());
    assertEquals(new Line.Text(4, "x"), lines.get(3));
  }

  @Test
  void aLineLongerThanAnyArrayIsSkippedToo() throws IOException {
    long length = Integer.MAX_VALUE + 1000L;
    // Zero bytes without end, and a row after them.
    InputStream zeros =
        new InputStream() {
          private long left = length;

          @Override
          public int read() {
            throw new UnsupportedOperationException("the reader reads blocks");
          }

          @Override
          public int read(byte[] into, int offset, int most) {
            int count = (int) Math.min(left, most);
            Arrays.fill(into, offset, offset + count, (byte) 0);
            left -= count;
            return count == 0 ? -1 : count;
          }
        };
    InputStream all =
        new SequenceInputStream(
            zeros, new ByteArrayInputStream("\nrow".getBytes(StandardCharsets.UTF_8)));
    LineReader reader = new LineReader(all);
    assertEquals(
        "%d bytes".formatted(length),
        assertInstanceOf(Line.Unreadable.class, reader.next().orElseThrow()).error().found());
    assertEquals(Optional.of(new Line.Text(2, "row")), reader.next());
  }

  @Test
  void namesTheByteThatIsNotUtf8() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes("ok\nab".getBytes(StandardCharsets.UTF_8));
    bytes.write(0xff);
    bytes.writeBytes("\nok\n".getBytes(StandardCharsets.UTF_8));
    // Half of a character at the end of the file.
    bytes.write(0xc3);
    List<Line> lines = read(bytes.toByteArray(), 1000);
    RowError error = assertInstanceOf(Line.Unreadable.class, lines.get(1)).error();
    assertEquals("byte 0xff", error.found());
    assertTrue(error.message().startsWith("byte 3 of the line"), error.message());
    assertEquals(new Line.Text(3, "ok"), lines.get(2));
    assertInstanceOf(Line.Unreadable.class, lines.get(3));
    assertEquals(4, lines.size());
  }

  @Test
  void countsWhatIsRead() throws IOException {
    LineReader reader =
        new LineReader(new ByteArrayInputStream("ab\ncde\n".getBytes(StandardCharsets.UTF_8)));
    reader.next();
    assertEquals(3, reader.bytesRead());
    assertTrue(reader.isReady());
    reader.next();
    assertEquals(7, reader.bytesRead());
    assertEquals(false, reader.isReady());
  }
}
