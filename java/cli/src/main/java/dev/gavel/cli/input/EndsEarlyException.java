package dev.gavel.cli.input;

import java.io.IOException;

/** What is left of a compressed source cannot be decompressed. */
final class EndsEarlyException extends IOException {
  private static final long serialVersionUID = 1L;

  EndsEarlyException(String reason, IOException cause) {
    super(reason, cause);
  }
}
