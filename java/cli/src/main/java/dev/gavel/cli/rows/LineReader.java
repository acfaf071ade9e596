package dev.gavel.cli.rows;

import dev.gavel.text.row.RowError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Reads the lines of a stream one by one, in bounded memory. Lines end with LF or CR LF, the last
 * one also with the stream. Lines of nothing but spaces and tabs are passed over, and so is a byte
 * order mark in front of the first. Longer lines than allowed are skipped, not stored.
 */
public final class LineReader implements Lines {
  /** Most bytes of a line that is read. */
  public static final int LONGEST = 32 << 20;

  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  private final InputStream in;
  private final int longest;
  private final byte[] buffer = new byte[1 << 16];
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private int position;
  private int filled;
  private long bytes;
  private long number;
  private long lineLength;

  /** Lines of at most {@link #LONGEST} bytes. */
  public LineReader(InputStream in) {
    this(in, LONGEST);
  }

  /**
   * Goes on in the middle of a text, in front of a line.
   *
   * @param lines lines in front of the place
   * @param bytes bytes in front of the place
   * @param longest most bytes of a line that is read
   */
  public LineReader(InputStream in, long lines, long bytes, int longest) {
    this(in, longest);
    this.number = lines;
    this.bytes = bytes;
  }

  /** Lines of at most this many bytes. */
  LineReader(InputStream in, int longest) {
    this.in = in;
    this.longest = longest;
  }

  @Override
  public Optional<Line> next() throws IOException {
    while (collect()) {
      number++;
      if (lineLength > longest) {
        return Optional.of(
            new Line.Unreadable(
                number,
                new RowError(
                    "line",
                    "%d bytes".formatted(lineLength),
                    "the line has %d bytes; at most %d are read: split the row, drop fields that are not needed, or give the Java virtual machine more memory"
                        .formatted(lineLength, longest))));
      }
      byte[] content = line.toByteArray();
      int from = number == 1 && startsWithMark(content) ? BYTE_ORDER_MARK.length : 0;
      Line decoded = decode(content, from);
      if (!(decoded instanceof Line.Text(long _, String text)) || !text.isEmpty()) {
        return Optional.of(decoded);
      }
    }
    return Optional.empty();
  }

  @Override
  public boolean isReady() throws IOException {
    return position < filled || in.available() > 0;
  }

  @Override
  public long bytesRead() {
    return bytes - (filled - position);
  }

  @Override
  public long bytesCollected() {
    return bytes;
  }

  @Override
  public long lines() {
    return number;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  // Fills `line` with the next line, as much of it as is allowed; false at the end of the stream.
  private boolean collect() throws IOException {
    line.reset();
    lineLength = 0;
    boolean any = false;
    while (true) {
      if (position == filled) {
        filled = in.read(buffer);
        position = 0;
        if (filled < 0) {
          filled = 0;
          return any;
        }
        bytes += filled;
      }
      any |= filled > 0;
      int end = position;
      while (end < filled && buffer[end] != '\n') {
        end++;
      }
      int count = end - position;
      lineLength += count;
      if (lineLength <= longest) {
        line.write(buffer, position, count);
      }
      position = end;
      if (end < filled) {
        position++;
        return true;
      }
    }
  }

  private static boolean startsWithMark(byte[] content) {
    return content.length >= BYTE_ORDER_MARK.length
        && ByteBuffer.wrap(content, 0, BYTE_ORDER_MARK.length)
            .equals(ByteBuffer.wrap(BYTE_ORDER_MARK));
  }

  private Line decode(byte[] content, int from) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer source = ByteBuffer.wrap(content, from, content.length - from);
    CharBuffer target = CharBuffer.allocate(content.length - from);
    CoderResult result = decoder.decode(source, target, true);
    if (result.isError()) {
      return new Line.Unreadable(
          number,
          new RowError(
              "line",
              "byte 0x%02x".formatted(content[source.position()]),
              "byte %d of the line, 0x%02x, is not valid UTF-8; save the file as UTF-8"
                  .formatted(source.position() + 1, content[source.position()])));
    }
    return new Line.Text(number, trim(target.flip().toString()));
  }

  // White space around a row is allowed by JSON; a CR in front of the LF is such.
  private static String trim(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isBlank(text.charAt(from))) {
      from++;
    }
    while (to > from && isBlank(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isBlank(char unit) {
    return unit == ' ' || unit == '\t' || unit == '\r';
  }
}
