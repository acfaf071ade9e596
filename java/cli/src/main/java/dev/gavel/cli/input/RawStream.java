package dev.gavel.cli.input;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.atomic.AtomicLong;

/** The bytes of a source as they are stored: counts them, and tells its errors from bad content. */
final class RawStream extends FilterInputStream {
  private final String name;
  private final AtomicLong count;

  /**
   * Wraps a stream.
   *
   * @param name for messages
   * @param count what every byte read is added to; other threads may look
   */
  RawStream(InputStream in, String name, AtomicLong count) {
    super(in);
    this.name = name;
    this.count = count;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    try {
      int found = in.read(buffer, offset, length);
      count.addAndGet(Math.max(found, 0));
      return found;
    } catch (IOException e) {
      throw new ReadFailure(name, e);
    }
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
