package dev.gavel.cli.input;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes of a source as they are stored: counts them, and tells its errors from bad content. Of
 * a file it reads those that were there when the run began: what is appended meanwhile is no part
 * of it, and fewer are an error, not an end.
 */
final class RawStream extends FilterInputStream {
  private final String name;
  private final AtomicLong count;
  private long left;

  /** Bytes of a source that ends where it ends. */
  static final long UNKNOWN = Long.MAX_VALUE;

  /**
   * Wraps a stream.
   *
   * @param name for messages
   * @param count what every byte read is added to; other threads may look
   * @param length bytes that must come, or {@link #UNKNOWN}
   */
  RawStream(InputStream in, String name, AtomicLong count, long length) {
    super(in);
    this.left = length;
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
    if (left == 0) {
      return -1;
    }
    int found;
    try {
      found = in.read(buffer, offset, (int) Math.min(length, left));
    } catch (IOException e) {
      throw new ReadFailure(name, e);
    }
    if (found < 0 && left != UNKNOWN) {
      throw new ReadFailure(
          name,
          new IOException(
              "it was cut while it was read, its last %d bytes are gone; get the whole file and begin again"
                  .formatted(left)));
    }
    count.addAndGet(Math.max(found, 0));
    left -= left == UNKNOWN ? 0 : Math.max(found, 0);
    return found;
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
