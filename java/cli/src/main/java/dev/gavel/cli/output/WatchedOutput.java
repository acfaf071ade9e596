package dev.gavel.cli.output;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/** Standard output that remembers its first failure, which a writer of text keeps to itself. */
public final class WatchedOutput extends OutputStream {
  private final OutputStream stream;
  private Optional<OutputFailure> failure = Optional.empty();

  /** Watches a stream, and passes everything on to it at once. */
  public WatchedOutput(OutputStream stream) {
    this.stream = stream;
  }

  @Override
  public void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      stream.write(bytes, offset, length);
    } catch (IOException e) {
      throw remembered(e);
    }
  }

  @Override
  public void flush() throws IOException {
    try {
      stream.flush();
    } catch (IOException e) {
      throw remembered(e);
    }
  }

  /** What failed first. */
  public Optional<OutputFailure> failure() {
    return failure;
  }

  private IOException remembered(IOException e) {
    if (failure.isEmpty()) {
      failure = Optional.of(OutputTarget.standard(stream).failure(e));
    }
    return e;
  }
}
