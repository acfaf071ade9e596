package dev.gavel.cli.input;

import dev.gavel.InvalidArgumentException;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.util.regex.Pattern;

/**
 * The text of a source, decompressed. What it is is told by its first bytes, not by its name: gzip
 * (RFC 1952) begins with 1f 8b, Zstandard (RFC 8878) with 28 b5 2f fd or, where a skippable frame
 * is first, as pzstd writes it, with 50 to 5f and 2a 4d 18, and no row with either.
 */
final class TextStream extends FilterInputStream {
  private static final int[] GZIP = {0x1f, 0x8b};
  private static final int[] ZSTANDARD = {0x28, 0xb5, 0x2f, 0xfd};
  private static final int[] SKIPPABLE = {0x50, 0x2a, 0x4d, 0x18};
  // Of the first byte of a skippable frame, the lower half is the writer's.
  private static final int SKIPPABLE_BITS = 0xf0;
  private static final int ALL_BITS = 0xff;
  private static final int[] PARQUET = {'P', 'A', 'R', '1'};
  private static final Pattern COMPRESSED = Pattern.compile(".*\\.(gz|zst)", Pattern.DOTALL);

  private final boolean compressed;

  private TextStream(InputStream in, boolean compressed) {
    super(in);
    this.compressed = compressed;
  }

  /**
   * Looks at the first bytes; waits for them.
   *
   * @param name of the source, for messages
   * @throws EndsEarlyException if there is no byte where the name is that of a compressed file,
   *     which has some even without rows
   * @throws InvalidArgumentException if they are those of Parquet, which is read from its end
   */
  static TextStream of(InputStream raw, String name) throws IOException {
    PushbackInputStream in = new PushbackInputStream(raw, ZSTANDARD.length);
    if (startsWith(in, GZIP, ALL_BITS)) {
      return new TextStream(new GzipStream(in), true);
    }
    if (startsWith(in, ZSTANDARD, ALL_BITS) || startsWith(in, SKIPPABLE, SKIPPABLE_BITS)) {
      return new TextStream(new ZstandardStream(in), true);
    }
    if (COMPRESSED.matcher(name).matches() && isEmpty(in)) {
      throw new EndsEarlyException("it is empty", new EOFException("no byte"));
    }
    if (startsWith(in, PARQUET, ALL_BITS)) {
      throw new InvalidArgumentException(
          "%s is Parquet, whose index stands at its end, so that it cannot be read as a stream; save it as a file and name that"
              .formatted(name));
    }
    return new TextStream(in, false);
  }

  /** Whether it was compressed; such a stream cannot tell whether more is there without waiting. */
  boolean isCompressed() {
    return compressed;
  }

  @Override
  public int read() throws IOException {
    return compressed ? decoding(in::read) : in.read();
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    return compressed
        ? decoding(() -> in.read(buffer, offset, length))
        : in.read(buffer, offset, length);
  }

  @FunctionalInterface
  private interface Decoding<T> {
    T get() throws IOException;
  }

  private static <T> T decoding(Decoding<T> step) throws IOException {
    try {
      return step.get();
    } catch (ReadFailure | UnreadableException e) {
      throw e;
    } catch (IOException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new EndsEarlyException(reason, e);
    }
  }

  private static boolean isEmpty(PushbackInputStream in) throws IOException {
    int first = in.read();
    if (first >= 0) {
      in.unread(first);
    }
    return first < 0;
  }

  // Reads no further than the first byte that differs: somebody may be typing. Of the first byte
  // only some bits may count.
  private static boolean startsWith(PushbackInputStream in, int[] magic, int firstBits)
      throws IOException {
    byte[] seen = new byte[magic.length];
    int matched = 0;
    int found = in.read();
    while ((matched == 0 ? found & firstBits : found) == magic[matched]) {
      seen[matched++] = (byte) found;
      if (matched == magic.length) {
        break;
      }
      found = in.read();
    }
    if (matched < magic.length && found >= 0) {
      in.unread(found);
    }
    in.unread(seen, 0, matched);
    return matched == magic.length;
  }
}
