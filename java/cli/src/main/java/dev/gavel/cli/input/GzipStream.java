package dev.gavel.cli.input;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Gzip, RFC 1952, of one or more members. Java's own stream takes a file that is cut between two
 * members for a whole one, passes over bytes behind the last, and, like others, loses what it had
 * decompressed when it meets the end; this one gives out every byte before it fails. Behind the
 * last member only zeros may stand, with which tapes and object stores fill blocks: gzip passes
 * over them, too.
 */
final class GzipStream extends ArrayStream {
  private static final int HEADER_CHECKSUM = 2;
  private static final int EXTRA = 4;
  private static final int NAME = 8;
  private static final int COMMENT = 16;
  private static final int RESERVED = 0xe0;

  private final InputStream in;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private final byte[] buffer = new byte[1 << 16];
  private int position;
  private int filled;
  private boolean inMember;
  private boolean ended;

  /** Reads nothing yet. */
  GzipStream(InputStream in) {
    this.in = in;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    while (!ended && length > 0) {
      if (!inMember) {
        header();
      }
      int count = inflate(to, offset, length);
      if (count > 0) {
        crc.update(to, offset, count);
        return count;
      }
      if (inflater.finished()) {
        trailer();
      } else if (inflater.needsInput()) {
        if (position == filled) {
          fill();
        }
        inflater.setInput(buffer, position, filled - position);
        position = filled;
      } else {
        throw new IOException("the gzip stream needs a dictionary");
      }
    }
    return length == 0 ? 0 : -1;
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    in.close();
  }

  private int inflate(byte[] to, int offset, int length) throws IOException {
    try {
      return inflater.inflate(to, offset, length);
    } catch (DataFormatException e) {
      throw new IOException("the gzip stream is damaged: " + e.getMessage(), e);
    }
  }

  private void header() throws IOException {
    if (next() != 0x1f || next() != 0x8b || next() != 8) {
      throw new IOException("what follows is no gzip stream");
    }
    int flags = next();
    if ((flags & RESERVED) != 0) {
      throw new IOException("the gzip stream has flags that do not exist");
    }
    skip(6); // time, level, system
    if ((flags & EXTRA) != 0) {
      int low = next();
      skip(low | (next() << 8));
    }
    for (int flag : new int[] {NAME, COMMENT}) {
      boolean text = (flags & flag) != 0;
      while (text) {
        text = next() != 0;
      }
    }
    skip((flags & HEADER_CHECKSUM) != 0 ? 2 : 0);
    inflater.reset();
    crc.reset();
    inMember = true;
  }

  private void trailer() throws IOException {
    position = filled - inflater.getRemaining();
    long expected = number();
    long length = number();
    if (expected != crc.getValue() || length != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new IOException("the gzip stream is damaged: its checksum is wrong");
    }
    inMember = false;
    ended = !hasMore();
  }

  // Zeros count as padding up to the end of the source only: no member begins with one.
  private boolean hasMore() throws IOException {
    boolean padded = false;
    while (position < filled || more()) {
      if (buffer[position] != 0) {
        if (padded) {
          throw new IOException("zeros and then other bytes follow the gzip stream");
        }
        return true;
      }
      padded = true;
      position++;
    }
    return false;
  }

  private long number() throws IOException {
    long value = 0;
    for (int i = 0; i < 4; i++) {
      value |= (long) next() << (8 * i);
    }
    return value;
  }

  private void skip(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      next();
    }
  }

  private int next() throws IOException {
    if (position == filled) {
      fill();
    }
    return buffer[position++] & 0xff;
  }

  private void fill() throws IOException {
    if (!more()) {
      throw new EOFException("the gzip stream ends in its middle");
    }
  }

  private boolean more() throws IOException {
    position = 0;
    filled = Math.max(0, in.read(buffer, 0, buffer.length));
    return filled > 0;
  }
}
