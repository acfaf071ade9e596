package dev.gavel.cli.input;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * Zstandard, RFC 8878, of one or more frames. The library's own stream takes a source that ends in
 * a frame for a whole one where the frame before ended in the same buffer, and loses the rows of
 * it; this one gives out every byte before it fails.
 */
final class ZstandardStream extends ArrayStream {
  private static final int BUFFER_BYTES = 1 << 17;

  private final InputStream in;
  private final ZstdDecompressCtx decoder = new ZstdDecompressCtx();
  private final byte[] read = new byte[BUFFER_BYTES];
  private final ByteBuffer source = ByteBuffer.allocateDirect(BUFFER_BYTES).limit(0);
  private final ByteBuffer text = ByteBuffer.allocateDirect(BUFFER_BYTES).limit(0);
  private boolean inFrame;
  private boolean ended;

  /** Reads nothing yet. */
  ZstandardStream(InputStream in) {
    this.in = in;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    while (length > 0 && !text.hasRemaining() && !ended) {
      decode();
    }
    if (length == 0 || text.hasRemaining()) {
      int count = Math.min(length, text.remaining());
      text.get(to, offset, count);
      return count;
    }
    return -1;
  }

  /** Some more text, or some more of the source. */
  private void decode() throws IOException {
    // Of a frame, the decoder may still hold text when it has taken all of the source.
    int before = source.remaining();
    text.clear();
    try {
      boolean frameEnded = decoder.decompressDirectByteBufferStream(text, source);
      inFrame = !frameEnded && (inFrame || before > source.remaining());
    } catch (ZstdException e) {
      throw refused(e);
    } finally {
      text.flip();
    }
    if (!text.hasRemaining() && !source.hasRemaining()) {
      fill();
    }
  }

  // These files are whole: only how they were compressed can be changed.
  private static IOException refused(ZstdException e) {
    long code = Zstd.getErrorCode(e.getErrorCode());
    if (code == Zstd.errDictionaryWrong()) {
      return new UnreadableException(
          "it needs a dictionary", "compress it without one to score it", e);
    }
    if (code == Zstd.errFrameParameterWindowTooLarge()) {
      return new UnreadableException(
          "its window is larger than 128 MiB", "compress it with at most --long=27 to score it", e);
    }
    return new IOException(e.getMessage(), e);
  }

  private void fill() throws IOException {
    int count = in.read(read);
    if (count < 0) {
      ended = true;
      if (inFrame) {
        throw new IOException("the Zstandard stream ends in its middle");
      }
      return;
    }
    source.clear().put(read, 0, count).flip();
  }

  @Override
  public void close() throws IOException {
    decoder.close();
    in.close();
  }
}
