package dev.gavel.cli.input;

import java.io.IOException;

/** A compressed source that is whole, but compressed in a way that is not read. */
final class UnreadableException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String advice;

  /** Of a source; what to do is for the end of a sentence. */
  UnreadableException(String reason, String advice, Exception cause) {
    super(reason, cause);
    this.advice = advice;
  }

  /** What to do. */
  String advice() {
    return advice;
  }
}
